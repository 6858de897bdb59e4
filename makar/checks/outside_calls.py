"""Outside calls: names what in Python code reaches network, processes, files, the environment, or runs text as code.

It reads the syntax tree with import aliases resolved. It names; it does not prove: code that hides what it calls (a
name computed at run time) is named as such.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field

from makar.verdict import Check, Span, Subject, Verdict

# Label: what a dotted name begins with. The longest match wins.
_REACHES = {
    "network": (
        "socket", "ssl", "asyncio.open_connection", "asyncio.start_server", "socketserver", "http.client",
        "http.server", "urllib.request", "urllib3", "requests", "httpx", "aiohttp", "websockets", "websocket", "ftplib",
        "smtplib", "poplib", "imaplib", "telnetlib", "xmlrpc", "paramiko", "pycurl", "webbrowser", "grpc", "boto3",
        "pip",
    ),
    "process": (
        "subprocess", "os.system", "os.popen", "os.fork", "os.forkpty", "os.exec", "os.spawn", "os.posix_spawn",
        "os.kill", "os.killpg", "os.startfile", "os.abort", "os._exit", "pty", "multiprocessing", "pexpect", "sh",
        "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "signal.pthread_kill", "commands",
        "concurrent.futures.ProcessPoolExecutor", "resource.setrlimit",
    ),
    "deletion": (
        "os.remove", "os.unlink", "os.rmdir", "os.removedirs", "shutil.rmtree", "os.truncate",
        "send2trash",
    ),
    "dynamic code": (
        "eval", "exec", "compile", "__import__", "importlib.import_module", "importlib.__import__", "runpy", "code",
        "codeop", "marshal.loads", "pickle.load", "pickle.loads", "dill", "cloudpickle", "shelve", "builtins.eval",
        "builtins.exec", "builtins.compile", "builtins.__import__", "types.FunctionType", "types.CodeType", "yaml.load",
        "yaml.unsafe_load", "joblib.load", "importlib.util.spec_from_file_location",
    ),
    "native code": ("ctypes", "cffi", "mmap", "_ctypes"),
    "environment": ("os.environ", "os.getenv", "os.putenv", "os.environb", "dotenv", "getpass", "keyring", "winreg"),
    "file write": (
        "os.chmod", "os.chown", "os.symlink", "os.link", "os.mkdir", "os.makedirs", "os.mkfifo", "shutil.copy",
        "shutil.copyfile", "shutil.copytree", "shutil.chown", "os.write", "shutil.unpack_archive", "os.utime",
        "os.replace", "os.rename", "os.renames", "shutil.move",
    ),
}
_BY_NAME = {name: label for label, names in _REACHES.items() for name in names}
_PREFIXES = ("os.exec", "os.spawn", "os.posix_spawn", "shutil.copy")
# Methods of pathlib.Path, named whatever the object is, since the tree does not tell types.
_PATH_METHODS = {"write_text": "file write", "write_bytes": "file write", "unlink": "deletion", "rmdir": "deletion",
                 "symlink_to": "file write", "hardlink_to": "file write"}
_OPENS = ("open", "io.open", "builtins.open", "os.fdopen", "codecs.open", "gzip.open", "bz2.open", "lzma.open")
_BUILTIN = ("eval", "exec", "compile", "__import__", "open", "getattr", "setattr", "globals", "locals")
_IMPORTERS = ("__import__", "importlib.import_module", "builtins.__import__")
_HIDING = ("__builtins__", "__subclasses__", "__globals__", "__getattribute__", "__code__", "__loader__")
_PYTHON = ("text/x-python", "text/python", "application/x-python")
_FENCE = re.compile(r"^ {0,3}```[ ]*(?:python3?|py)?[ ]*\n(.*?)^ {0,3}```", re.DOTALL | re.MULTILINE | re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\r|\n")
_MOST_NAMED = 12


@dataclass(frozen=True)
class Reach:
    """One place where code reaches outside: of which kind, by which name, and the syntax there."""

    label: str
    name: str
    node: ast.expr | ast.stmt


def run(subject: Subject) -> Verdict:
    """Passed if nothing reaches outside. Markdown is judged by its fenced Python, a completion in its file."""
    content, prefix = subject.text, str(subject.asked.get("prefix", ""))
    sources = [(-len(prefix), prefix + content + str(subject.asked.get("suffix", "")))]
    if not subject.media_type.startswith(_PYTHON):
        sources = [(found.start(1), found[1]) for found in _FENCE.finditer(content)]
    spans: list[Span] = []
    named: list[str] = []
    unread = 0
    for offset, source in sources:
        tree = _parse(source)
        unread += tree is None
        places = _Places(source, offset)
        for reach in reaches(tree) if tree is not None else ():
            span = places.span(reach)
            if span.start >= 0 and span.end <= len(content):
                spans.append(span)
                named.append(f"{reach.label}: {reach.name} (line {reach.node.lineno})")
    return _verdict(spans, named, unread, len(sources))


def _verdict(spans: list[Span], named: list[str], num_unread: int, num_sources: int) -> Verdict:
    if spans:
        more = f"; and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        reason = "; ".join(dict.fromkeys(named[:_MOST_NAMED])) + more
        return Verdict("outside_calls", passed=False, score=1 / (1 + len(spans)), spans=tuple(spans), reason=reason)
    if num_unread:
        return Verdict("outside_calls", passed=False, score=0.0, reason="not judged: the code does not parse")
    reason = "nothing in it reaches outside" if num_sources else "there is no Python code in it"
    return Verdict("outside_calls", passed=True, score=1.0, reason=reason)


def _parse(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def reaches(tree: ast.Module) -> list[Reach]:
    """Every place in the tree that reaches outside, in the order of the source."""
    finder = _Finder(_aliases(tree))
    finder.visit(tree)
    unique = {(reach.label, reach.name, reach.node.lineno, reach.node.col_offset): reach for reach in finder.found}
    return sorted(unique.values(), key=lambda reach: (reach.node.lineno, reach.node.col_offset))


def _aliases(tree: ast.Module) -> dict[str, str]:
    """Local name to the dotted name it was imported as, or assigned from (`run = subprocess.run`)."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names |= _imported(node.module, alias)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            dotted = _dotted(node.value, names)
            if _label(dotted):
                names[node.targets[0].id] = dotted
    return names


def _imported(module: str, alias: ast.alias) -> dict[str, str]:
    if alias.name != "*":
        return {alias.asname or alias.name: f"{module}.{alias.name}"}
    return {name.rpartition(".")[2]: name for name in _BY_NAME if name.rpartition(".")[0] == module}


def _dotted(node: ast.AST, names: dict[str, str]) -> str:
    """The dotted name of an expression; `__import__("os").system` and `getattr(os, "system")` are seen through.

    Empty for what does not begin with an import or a built-in function: a variable may be called anything.
    """
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id if node.id in _BUILTIN else "")
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value, names)
        return f"{inner}.{node.attr}" if inner else ""
    if isinstance(node, ast.Call) and node.args:
        called = _dotted(node.func, names)
        texts = [item.value if isinstance(item, ast.Constant) and isinstance(item.value, str) else ""
                 for item in node.args]
        if called in _IMPORTERS:
            return texts[0]
        if called == "getattr" and len(texts) > 1 and texts[1]:
            inner = _dotted(node.args[0], names)
            return f"{inner}.{texts[1]}" if inner else ""
    return ""


def _label(dotted: str) -> str | None:
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        label = _BY_NAME.get(".".join(parts[:count]))
        if label:
            return label
    return next((_BY_NAME[prefix] for prefix in _PREFIXES if dotted.startswith(prefix)), None)


class _Finder(ast.NodeVisitor):
    def __init__(self, names: dict[str, str]) -> None:
        self.names, self.found = names, list[Reach]()
        self._knows_paths = any(name.partition(".")[0] == "pathlib" for name in names.values())

    def _add(self, label: str, name: str, node: ast.expr | ast.stmt) -> None:
        self.found.append(Reach(label, name, node))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if label := _label(alias.name):
                self._add(label, alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names if node.module and not node.level else ():
            if label := _label(f"{node.module}.{alias.name}"):
                self._add(label, f"{node.module}.{alias.name}", node)

    def visit_Name(self, node: ast.Name) -> None:
        self._judge(node, node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not self._judge(node, node.attr):
            self.generic_visit(node)

    def _judge(self, node: ast.Name | ast.Attribute, last: str) -> bool:
        if last in _HIDING:
            self._add("hidden call", last, node)
            return False
        dotted = _dotted(node, self.names)
        label = _label(dotted)
        if label is not None and isinstance(node.ctx, ast.Load):
            self._add(label, dotted, node)
        return label is not None

    def visit_Call(self, node: ast.Call) -> None:
        called, seen_through = _dotted(node.func, self.names), _dotted(node, self.names)
        if label := _label(seen_through):
            self._add(label, seen_through, node)
        elif called in ("getattr", "setattr") and len(node.args) > 1 and not isinstance(node.args[1], ast.Constant):
            self._add("hidden call", f"{called} with a computed name", node)
        elif called in ("globals", "locals"):
            self._add("hidden call", called, node)
        elif called in _OPENS and _may_write(node, 1):
            self._add("file write", called, node)
        elif isinstance(node.func, ast.Attribute) and not called and self._knows_paths:
            self._judge_method(node, node.func.attr)
        self.generic_visit(node)

    def _judge_method(self, node: ast.Call, method: str) -> None:
        if method in _PATH_METHODS:
            self._add(_PATH_METHODS[method], f"{method}()", node)
        elif method == "open" and _may_write(node, 0):
            self._add("file write", "open()", node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """`vars(os)["system"]` and `os.__dict__["system"]`, which need no attribute."""
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            dotted = f"{self._namespace(node.value)}.{node.slice.value}"
            if label := _label(dotted):
                self._add(label, dotted, node)
        self.generic_visit(node)

    def _namespace(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute) and node.attr == "__dict__":
            return _dotted(node.value, self.names)
        is_vars = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "vars"
        return _dotted(node.args[0], self.names) if is_vars and isinstance(node, ast.Call) and node.args else ""


def _may_write(node: ast.Call, position: int) -> bool:
    modes = [item.value for item in node.keywords if item.arg == "mode"]
    mode = modes[0] if modes else node.args[position] if len(node.args) > position else None
    if mode is None:
        return False
    if not isinstance(mode, ast.Constant):
        return True
    return isinstance(mode.value, str) and bool(set(mode.value) & set("wax+"))


@dataclass
class _Places:
    """Where the nodes of a source stand in the whole content; the tree counts columns in UTF-8 bytes."""

    source: str
    offset: int
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.starts = [0, *(found.end() for found in _LINE_END.finditer(self.source))]

    def span(self, reach: Reach) -> Span:
        """The characters of the node."""
        node = reach.node
        start = self._index(node.lineno, node.col_offset)
        end = self._index(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        return Span(self.offset + start, self.offset + end, reach.label)

    def _index(self, line: int, column_bytes: int) -> int:
        start = self.starts[line - 1]
        end = self.starts[line] if line < len(self.starts) else len(self.source)
        return start + len(self.source[start:end].encode()[:column_bytes].decode(errors="ignore"))


CHECK = Check("outside_calls", run, media_types=(*_PYTHON, "text/markdown"))
