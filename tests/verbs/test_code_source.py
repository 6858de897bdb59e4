"""Source text under the knife: what is found, merged and inserted, and that nothing else moves."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from makar.kit.errors import BadInput, NotHere, UnknownName
from makar.verbs.code.docstrings import sentence, shape, with_docstring
from makar.verbs.code.merging import merged
from makar.verbs.code.mutants import mutants
from makar.verbs.code.neighbours import project_of
from makar.verbs.code.source import find, lines_of, place, read_python, whole_part
from makar.verbs.code.testing import num_tests, test_names, without

FILE = '''"""A module."""
import os  # kept

LIMIT = 3


def first(a,b):   # odd layout
    return a  +  b  # sum


class Box:
    """A box."""

    size = 1

    def area(self):
        return self.size ** 2

    def grow(self, by): self.size += by; return self


def last(x): return x
'''


def test_a_place_is_a_file_or_a_name_in_it(tmp_path: Path) -> None:
    assert place("a/b.py:Box.area").name == "Box.area"
    assert place("a/b.py").name is None
    odd = tmp_path / "a:b.py"
    odd.write_text("x = 1")
    assert place(str(odd)).path == odd


@pytest.mark.parametrize(("data", "words"), [
    (b"", "empty"), (b"\xff\xfe\x00", "UTF-8"), (b"def f(:\n", "line 1"), (b"x = 1\0", "null"),
])
def test_files_that_are_no_python(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=words):
        read_python(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="there is no file"):
        read_python(tmp_path / "x.py")


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownName, match=r"Box\.area.*first.*last"):
        find(FILE, "frist", Path("x.py"))


def test_lines_are_cut_as_python_cuts_them() -> None:
    assert lines_of("a\x0cb\u2028c\r\nd\re\n") == ["a\x0cb\u2028c\r\n", "d\r", "e\n"]
    assert "".join(lines_of(FILE)) == FILE


@pytest.mark.parametrize(("answer", "code"), [
    ("x = 1\n", "x = 1\n"),
    ("def f():\n    return 1\n\ndef g(:\n    ret", "def f():\n    return 1\n"),
    ("```python\nx = 1\n```\nThat is it.", "x = 1\n"),
    ("x = 1\n```\nwords", "x = 1\n"),
    ("this is no code at all", ""), ("", ""), ("def f(\n    a,\n):\n    return (\n        1", ""),
])
def test_the_whole_part_of_an_answer(answer: str, code: str) -> None:
    assert whole_part(answer) == code


def test_merging_changes_one_function_and_no_other_line() -> None:
    new = merged(FILE, "def first(a, b):\n    return a - b\n")
    assert new == FILE.replace("def first(a,b):   # odd layout\n    return a  +  b  # sum\n",
                               "def first(a, b):\n    return a - b\n")


def test_merging_a_method_without_its_class_or_with_an_excerpt_of_it() -> None:
    wanted = FILE.replace("return self.size ** 2", "return self.size ** 3")
    assert merged(FILE, "def area(self):\n    return self.size ** 3\n") == wanted
    assert merged(FILE, "class Box:\n    def area(self):\n        return self.size ** 3\n") == wanted


def test_merging_the_same_code_in_another_layout_changes_nothing() -> None:
    assert merged(FILE, ast.unparse(ast.parse(FILE))) == FILE


def test_merging_adds_imports_functions_and_changes_constants() -> None:
    new = merged(FILE, "import os\nimport math\n\nLIMIT = 4\n\ndef half(x):\n    return x / 2\n\n"
                       "def last(x):\n    return half(x)\n")
    assert 'import os  # kept\nimport math\n' in new and "LIMIT = 4\n" in new
    names = [node.name for node in ast.parse(new).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert sorted(names) == ["Box", "first", "half", "last"]
    scope: dict[str, object] = {}
    exec(compile(new, "x", "exec"), scope)
    assert scope["last"](3) == 1.5  # type: ignore[operator]


def test_merging_keeps_the_line_ends() -> None:
    new = merged(FILE.replace("\n", "\r\n"), "def first(a, b):\n    return a - b\n")
    assert new.replace("\r\n", "").count("\n") == 0 and "return a - b\r\n" in new


def test_a_source_that_does_not_parse_is_replaced_whole() -> None:
    assert merged("def f(:\n", "def f(): ...\n") == "def f(): ...\n"


def documented(source: str, name: str, words: str) -> str:
    return with_docstring(source, find(source, name, Path("x.py")), words)


@pytest.mark.parametrize("name", ["first", "Box", "Box.area", "Box.grow", "last"])
@pytest.mark.parametrize("words", [
    "Adds.", 'Says "hello"', "Ends in backslash \\", 'Triple """ quotes', "One.\n\nTwo:\n    indented\n", "  É → 好.  ",
])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_docstring_is_inserted_and_the_code_stays(name: str, words: str, newline: str) -> None:
    source = FILE.replace("\n", newline)
    new = documented(source, name, words)
    assert shape(new) == shape(source)
    found = ast.get_docstring(find(new, name, Path("x.py")))
    assert found == inspect.cleandoc(words).strip().replace('"""', "'''")
    assert "# odd layout" in new and "# kept" in new
    if newline == "\r\n":
        assert new.replace("\r\n", "").count("\n") == 0
    assert documented(new, name, "Other.").count("Other.") == 1
    assert shape(documented(new, name, "Other.")) == shape(source)


@pytest.mark.parametrize("source", [
    "def f(a=(1,\n         2),\n      *, b: dict[str, int] = {}) -> int:  # why\n    # first\n    return 1\n",
    "async def f(): return 1", "class f: x = 1\n", "@property\ndef f(self):\n\treturn 1\n", "def f(): ...\n",
    "if 1:\n    pass\ndef f():\n  return lambda: {1: 2}\n", "def f(): x = 1; return x\n",
    "def f(x=lambda: 1): return x",
])
def test_docstrings_find_the_end_of_any_header(source: str) -> None:
    new = documented(source, "f", "Does f.")
    assert shape(new) == shape(source)
    assert ast.get_docstring(find(new, "f", Path("x.py"))) == "Does f."


def test_a_docstring_that_shares_its_line_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="'f' shares its line"):
        documented('def f():\n    """Old."""; return 1\n', "f", "New.")


def test_sentence() -> None:
    assert sentence("One. Two. Thr") == "One. Two."
    assert sentence("version 1.5 of") == "version 1.5 of"


TESTS = "import m\n\n\ndef test_a():\n    assert 1\n\n\n@x(\n    1\n)\ndef test_b(n):\n    assert n\n\n\n" \
        "class TestC:\n    def test_d(self):\n        assert 1\n"


def test_tests_are_dropped_whole() -> None:
    kept = without(TESTS, ["test_b[1]"])
    assert test_names(kept) == ["test_a", "TestC"] and "@x" not in kept
    assert test_names(without(TESTS, ["TestC::test_d"])) == ["test_a", "test_b"]
    assert num_tests(TESTS) == 3 and num_tests("") == 0


def test_mutants_differ_from_the_code_and_parse() -> None:
    source = "def f(a, b):\n    if a < b:\n        return a + b\n    return 0\n\ndef g():\n    return 1 + 1\n"
    found = list(mutants(source, "f", 10))
    assert len(found) == 4 == len(set(found))
    assert all("return 1 + 1" in text and ast.dump(ast.parse(text)) != ast.dump(ast.parse(source)) for text in found)


def test_a_project_takes_what_is_imported_and_no_more(tmp_path: Path) -> None:
    package = tmp_path / "src" / "pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "core.py").write_text("from . import part\nfrom .deep import thing\n")
    (package / "part.py").write_text("import json\n")
    (package / "deep.py").write_text("import support\nthing = 1\n")
    (package / "unused.py").write_text("x = 1\n")
    (tmp_path / "src" / "support.py").write_text("y = 1\n")
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_core.py").write_text("from pkg.core import thing\nimport aid\n")
    (tests / "aid.py").write_text("")
    (tests / "conftest.py").write_text("")
    found = project_of(package / "core.py", tests / "test_core.py")
    assert (found.content_path, found.module, found.tests) == ("pkg/core.py", "pkg.core", ("test_core.py",))
    assert set(found.files) == {"pkg/__init__.py", "pkg/part.py", "pkg/deep.py", "support.py", "test_core.py", "aid.py",
                                "conftest.py"}


def test_a_file_that_cannot_be_imported_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my-code.py").write_text("x = 1")
    with pytest.raises(BadInput, match="my-code"):
        project_of(tmp_path / "my-code.py")
