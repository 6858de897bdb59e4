"""A Jinja environment for templates nobody vouches for: no internals, and a budget of steps, characters and time.

Jinja's own sandbox closes the way to Python's internals, yet a template may still loop and grow values without end.
Here every loop turn, call, filter and operator spends from the budget of the current rendering before it does its work.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from typing import Any, NoReturn

from jinja2 import Environment, TemplateRuntimeError, Undefined, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_STEPS = 200_000
MAX_TIME_S = 5.0
_MAX_NUMBER_BITS = 4096
_FILTERS = ("abs", "count", "d", "default", "dictsort", "first", "float", "int", "items", "last", "length", "list",
            "map", "max", "min", "reject", "rejectattr", "reverse", "round", "select", "selectattr", "sort", "unique")
_TEXT_FILTERS = ("capitalize", "e", "escape", "lower", "safe", "string", "title", "trim", "upper")
_GLOBALS = ("range", "dict", "namespace", "joiner", "cycler")
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset((
        "capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isdecimal", "isdigit",
        "islower", "isnumeric", "isspace", "istitle", "isupper", "join", "lower", "lstrip", "partition", "removeprefix",
        "removesuffix", "replace", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split", "splitlines",
        "startswith", "strip", "swapcase", "title", "upper")),
    dict: frozenset(("copy", "get", "items", "keys", "values")),
    list: frozenset(("copy", "count", "index")), tuple: frozenset(("count", "index")),
    int: frozenset(), float: frozenset(), bytes: frozenset(), range: frozenset()}


class Budget:
    """What one rendering may still spend."""

    def __init__(self, max_chars: int) -> None:
        self.max_chars, self.num_chars, self.num_steps = max_chars, 0, 0
        self._until_s = time.thread_time() + MAX_TIME_S

    def step(self) -> None:
        """One unit of work."""
        self.num_steps += 1
        if self.num_steps > MAX_STEPS:
            raise TemplateRuntimeError(f"it takes more than {MAX_STEPS:,} steps")
        if time.thread_time() > self._until_s:
            raise TemplateRuntimeError(f"it takes more than {MAX_TIME_S:g} s of computing")

    def emit(self, num_chars: int) -> None:
        """Text written, be it into a variable that is never shown."""
        self.num_chars += num_chars
        self.fits(self.num_chars)

    def fits(self, num_chars: int) -> None:
        """A value of that size is about to be made."""
        if num_chars > self.max_chars:
            raise TemplateRuntimeError(f"it makes more than {self.max_chars:,} characters")


_current: ContextVar[Budget] = ContextVar("makar_template_budget")


@contextmanager
def spending(budget: Budget) -> Iterator[None]:
    """Renderings inside the block spend from `budget`."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


class GuardedEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox with a budget. Templates see the names that chat templates use and no others."""

    intercepted_binops = frozenset(["+", "*", "**", "%"])

    def __init__(self) -> None:
        # constants are not folded: that would do a template's work before any budget is set
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation], optimized=False,
                         finalize=_emitted)
        known = self.filters
        self.filters = {name: _guarded(known[name]) for name in _FILTERS}
        self.filters |= {name: _guarded(known[name], as_text=True) for name in _TEXT_FILTERS}
        self.filters |= {"replace": _guarded(_replaced), "join": _guarded(_joined), "tojson": _guarded(_to_json)}
        self.globals = {name: self.globals[name] for name in _GLOBALS} | {
            "raise_exception": _raise_exception, "strftime_now": _strftime_now}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        refused = next(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)), None)
        if refused is not None:
            raise TemplateRuntimeError("it wants to read another template")
        repeated: list[Any] = list(tree.find_all((nodes.For, nodes.Macro, nodes.CallBlock)))
        for node in repeated:
            node.body.insert(0, _spend_node(node))
        return _Guards().visit(tree).set_environment(self)

    def spend_turn(self, num_chars: int) -> None:
        """One loop turn or macro call, whose body holds that much literal text."""
        _current.get().step()
        _current.get().emit(num_chars)

    def concat_texts(self, *parts: Any) -> str:
        """What the operator ~ does."""
        texts = [_text(part) for part in parts]
        _current.get().fits(sum(map(len, texts)))
        return "".join(texts)

    def collected(self, value: Any) -> Any:
        """A list, tuple or mapping just made: nested doubling would make what takes for ever to compare or print."""
        _weigh(value)
        return value

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Jinja's way in for `str.format`, whose widths know no bound."""
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            raise TemplateRuntimeError("it calls str.format, which chat templates may not")
        return None

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator whose result could be huge is refused before it is computed."""
        current = _current.get()
        current.step()
        if operator == "+":
            current.fits(_weigh(left) + _weigh(right))
        elif operator == "*":
            _check_product(current, left, right)
        elif operator == "**" or (operator == "%" and isinstance(left, (str, bytes))):
            raise TemplateRuntimeError(f"it uses the operator {operator}, which chat templates may not")
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls what the sandbox allows, and of the methods of values only those that chat templates use."""
        current = _current.get()
        current.step()
        owner = getattr(__obj, "__self__", None)
        allowed = next((names for kind, names in _METHODS.items() if isinstance(owner, kind)), None)
        if allowed is not None and __obj.__name__ not in allowed:
            raise TemplateRuntimeError(f"it calls {type(owner).__name__}.{__obj.__name__}, which chat templates may "
                                       "not")
        if isinstance(owner, str):
            _check_text_method(current, owner, __obj.__name__, args)
        return __self.collected(super().call(__context, __obj, *args, **kwargs))


class _Generation(Extension):
    """Reads the tag `generation`, which marks the assistant's text for training, and writes what it encloses."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        """The block, as a scope of its own."""
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


class _Guards(NodeTransformer):
    """Turns `a ~ b` and the displays of lists, tuples and mappings into calls that look at the sizes."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return nodes.Call(nodes.EnvironmentAttribute("concat_texts"), node.nodes, [], None, None, lineno=node.lineno)


    def visit_List(self, node: nodes.List) -> nodes.Node:
        return self._collected(node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        return self._collected(node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        if node.ctx != "load":  # the names on the left of an assignment
            return node
        return self._collected(node)

    def _collected(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        return nodes.Call(nodes.EnvironmentAttribute("collected"), [node], [], None, None, lineno=node.lineno)


def _weigh(value: Any, *, as_text: bool = False) -> int:
    """The number of characters and items in a value; refuses what is too large and, as text, what is no plain value."""
    current = _current.get()
    total, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            total += len(item)
        elif isinstance(item, (list, tuple)):
            total += len(item)
            current.fits(total)
            waiting.extend(item)
        elif isinstance(item, dict):
            total += 2 * len(item)
            current.fits(total)
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif as_text and not isinstance(item, (int, float, Undefined, type(None))):
            raise TemplateRuntimeError(f"it writes out a {type(item).__name__}")
        else:
            total += 1
        current.fits(total)
    return total


def _text(value: Any) -> str:
    _weigh(value, as_text=True)
    return str(value)


def _spend_node(node: nodes.Node) -> nodes.Node:
    literal = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
    literal += sum(len(const.value) for const in node.find_all(nodes.Const) if isinstance(const.value, str))
    call = nodes.Call(nodes.EnvironmentAttribute("spend_turn"), [nodes.Const(literal)], [], None, None)
    return nodes.ExprStmt(call, lineno=node.lineno).set_lineno(node.lineno)


def _emitted(value: Any) -> str:
    text = _text(value)
    _current.get().emit(len(text))
    return text


def _check_product(current: Budget, left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _MAX_NUMBER_BITS:
            raise TemplateRuntimeError("it makes an absurdly large number")
        return
    for many, count in ((left, right), (right, left)):
        if isinstance(many, (str, list, tuple)) and isinstance(count, int):
            current.fits(_weigh(many) * max(0, count))


def _check_text_method(current: Budget, owner: str, name: str, args: Sequence[Any]) -> None:
    if name == "replace" and len(args) > 1:
        current.fits(_replaced_chars(owner, args[0], args[1]))
    elif name == "join" and args:
        current.fits(_joined_chars(owner, args[0]))


def _replaced_chars(text: str, old: Any, new: Any) -> int:
    grown = len(_text(new)) - len(_text(old))
    return len(text) + text.count(_text(old)) * max(0, grown)


def _joined_chars(separator: str, parts: Any) -> int:
    if not isinstance(parts, (list, tuple, dict, str)):
        raise TemplateRuntimeError("it joins what is no list")
    return _weigh(parts) + len(separator) * len(parts)


def _guarded(plain: Callable[..., Any], as_text: bool = False) -> Callable[..., Any]:
    """The filter, each use of which spends a step and is weighed; Jinja's marks on the function are kept."""

    @wraps(plain)
    def weighed(*args: Any, **named: Any) -> Any:
        _current.get().step()
        for value in args:
            if isinstance(value, (str, list, tuple, dict)) or as_text:
                _weigh(value, as_text=as_text)
        found = plain(*args, **named)
        _weigh(found)
        return found

    return weighed


def _replaced(text: Any, old: Any, new: Any) -> str:
    _current.get().fits(_replaced_chars(_text(text), old, new))
    return str(text).replace(str(old), str(new))


def _joined(parts: Any, separator: Any = "") -> str:
    listed = list(parts)
    _weigh(listed, as_text=True)
    _current.get().fits(_joined_chars(_text(separator), listed))
    return str(separator).join(map(str, listed))


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None) -> str:
    """Not Jinja's own, which escapes for HTML."""
    if indent is not None and not 0 <= indent <= 16:
        raise TemplateRuntimeError(f"it indents JSON by {indent}")
    _weigh(value, as_text=True)
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateRuntimeError(str(message))


def _strftime_now(pattern: str) -> str:
    if len(pattern) > 200:
        raise TemplateRuntimeError("its date pattern is too long")
    return datetime.now().strftime(pattern)
