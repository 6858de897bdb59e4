"""The code verbs with a model whose answers are written here, so that every turn they can take is taken."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import makar
from makar.kit.errors import BadInput, Interrupted, NotHere, UnknownName
from makar.ledger import open_ledger
from makar.provenance.released import Released, Withheld
from makar.room import Piece
from makar.rooms.code.prompt import prompt
from makar.verbs.code.completing import fitting
from makar.verbs.code.docstrings import shape

TESTS = ("from adder import add\n\ndef test_add():\n    assert add(1, 2) == 3\n\n"
         "def test_zero():\n    assert add(0, 0) == 0\n")
GOOD, BAD = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    return a - b\n"


class Script:
    """Gives its answers in order, the last one for ever, and remembers what was asked."""

    def __init__(self, answers: list[str]) -> None:
        self.answers, self.asked = answers, list[Any]()

    def __call__(self, room: Any, request: Any) -> Iterator[Piece]:
        self.asked.append(request)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if answer == "CTRL-C":
            yield Piece("def half", 2)
            raise KeyboardInterrupt
        yield Piece(answer, num_tok=max(1, len(answer)), finish="stop")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Script]:
    def given(*answers: str) -> Script:
        made = Script(list(answers))
        monkeypatch.setattr("makar.verbs.code.bench.make", made)
        return made

    return given


def verdict_of(work: Released, name: str) -> dict[str, Any]:
    return next(verdict for verdict in work.record["verdicts"] if verdict["check"] == name)


def test_write_ends_at_the_first_attempt_that_passes(script: Callable[..., Script]) -> None:
    said = script(BAD, GOOD, "never asked")
    work = makar.code.write("add two numbers", tests=TESTS, model="tiny")
    assert work.content == GOOD and len(said.asked) == 2
    assert verdict_of(work, "tests_pass")["passed"] and verdict_of(work, "code_parses")["passed"]
    # The second attempt is shown the first and what its tests said.
    assert said.asked[1].source == BAD and "assert -1 == 3" in said.asked[1].error
    assert said.asked[1].sampling.seed == said.asked[0].sampling.seed + 1
    assert said.asked[0].sampling.temperature == 0 < said.asked[1].sampling.temperature


def test_every_draft_is_in_the_ledger_and_the_work_names_them(script: Callable[..., Script]) -> None:
    script(BAD, GOOD)
    work = makar.code.write("add two numbers", tests=TESTS, model="tiny")
    with open_ledger() as ledger:
        drafts = [stamp for stamp in ledger.stamps("artifact") if stamp.body.get("draft")]
        assert [ledger.content(stamp.body["content"]).decode() for stamp in drafts] == [BAD, GOOD]
        assert [stamp.body["work"] for stamp in drafts] == work.record["parents"]
        assert ledger.verify().ok
        assert len(list(ledger.stamps("release"))) == 1


def test_the_best_attempt_is_withheld_when_none_passes(script: Callable[..., Script]) -> None:
    half = "def add(a, b):\n    return 0\n"
    said = script(BAD, half, "def add(a, b) return", "import nothing_here\n")
    with pytest.raises(Withheld, match=r"tests_pass.*test_add"):
        makar.code.write("add two numbers", tests=TESTS.replace("add(0, 0)", "add(1, -1)"), model="tiny", attempts=4)
    assert len(said.asked) == 4
    with open_ledger() as ledger:
        final = next(iter(ledger.stamps("artifact", newest_first=True)))
        assert ledger.content(final.body["content"]).decode() == half
        assert ledger.verify().ok


def test_write_without_tests_takes_the_first_that_parses(script: Callable[..., Script]) -> None:
    said = script("Here is what you asked for:", GOOD)
    assert makar.code.write("add two numbers", model="tiny").content == GOOD
    assert len(said.asked) == 2


def test_write_drops_what_follows_the_code(script: Callable[..., Script]) -> None:
    script(f"{GOOD}\n```\nHere is why.\n")
    assert makar.code.write("add", model="tiny").content == GOOD


@pytest.mark.parametrize(("tests", "words"), [("", "no tests in it"), ("def test(:", "line 1")])
def test_tests_that_cannot_be_run_are_refused_first(tests: str, words: str, script: Callable[..., Script]) -> None:
    said = script(GOOD)
    with pytest.raises(BadInput, match=words):
        makar.code.write("add", tests=tests, model="tiny")
    assert said.asked == []


def test_ctrl_c_keeps_what_was_made(script: Callable[..., Script]) -> None:
    script("CTRL-C")
    with pytest.raises(Interrupted, match="is kept: makar ledger show"):
        makar.code.write("add", model="tiny")
    with open_ledger() as ledger:
        partial = next(iter(ledger.stamps("partial")))
        assert ledger.content(partial.body["content"]) == b"def half"
        assert ledger.verify().ok


def test_unknown_settings_and_models_are_named() -> None:
    with pytest.raises(UnknownName, match="atempts"):
        makar.code.write("add", atempts=2)  # type: ignore[call-arg]
    with pytest.raises(UnknownName, match="smollm2-135m"):
        makar.code.write("add", model="no-such-model")
    with pytest.raises(BadInput, match="between 1 and"):
        makar.code.write("add", attempts=0)


@pytest.fixture
def adder(tmp_path: Path) -> Path:
    path = tmp_path / "adder.py"
    path.write_text(f'"""Adds."""\n# a comment\nimport os\n\n\n{BAD}\n\ndef other():  # odd\n    return  1\n')
    (tmp_path / "test_adder.py").write_text(TESTS)
    return path


def test_fix_iterates_until_the_test_passes_and_leaves_the_rest(script: Callable[..., Script], adder: Path) -> None:
    before = adder.read_text()
    said = script("def add(a, b):\n    return a * b\n", f"from adder import add\n{GOOD}")
    work = makar.code.fix(adder, test=adder.parent / "test_adder.py", model="tiny")
    assert work.content == before.replace("a - b", "a + b")
    assert adder.read_text() == before
    assert "assert -1 == 3" in said.asked[0].error and len(said.asked) == 2
    # The second attempt writes the function without being shown the mistake.
    assert said.asked[1].task == "write" and "def add(a, b):" in said.asked[1].instruction and not said.asked[1].source
    assert "from adder" not in said.asked[1].tests and "return" not in said.asked[1].instruction
    assert verdict_of(work, "tests_pass")["passed"]


def test_fix_that_never_passes_is_withheld(script: Callable[..., Script], adder: Path) -> None:
    script("def add(a, b):\n    return a * b\n")
    with pytest.raises(Withheld, match="tests_pass"):
        makar.code.fix(adder, test=adder.parent / "test_adder.py", model="tiny", attempts=2)


def test_fix_that_changes_nothing_says_so(script: Callable[..., Script], adder: Path) -> None:
    script("I cannot help with that.")
    with pytest.raises(BadInput, match="no attempt of 2 changed"):
        makar.code.fix(adder, error="wrong sum", model="tiny", attempts=2)


def test_fix_by_an_error_alone_and_of_a_syntax_error(script: Callable[..., Script], adder: Path) -> None:
    script(GOOD)
    assert "a + b" in makar.code.fix(adder, error="add subtracts", model="tiny").content
    adder.write_text("def add(a, b:\n    return a + b\n")
    said = script(GOOD)
    assert makar.code.fix(adder, model="tiny").content == GOOD
    assert "SyntaxError" in said.asked[0].error


def test_fix_refuses_where_there_is_nothing_to_fix(script: Callable[..., Script], adder: Path) -> None:
    script(GOOD)
    with pytest.raises(BadInput, match="say what is wrong"):
        makar.code.fix(adder, model="tiny")
    adder.write_text(GOOD)
    with pytest.raises(BadInput, match=r"2 passed.*nothing to fix"):
        makar.code.fix(adder, test=adder.parent / "test_adder.py", model="tiny")
    with pytest.raises(NotHere, match="there is no file"):
        makar.code.fix(adder.parent / "gone.py", error="x", model="tiny")


def test_fix_shows_of_a_long_file_what_the_error_points_at(script: Callable[..., Script], adder: Path) -> None:
    filler = "".join(f"def unrelated_{number}():\n    return {number}\n\n" for number in range(80))
    adder.write_text(f"import os\n\n{filler}{BAD}")
    said = script(GOOD)
    work = makar.code.fix(adder, test=adder.parent / "test_adder.py", model="tiny")
    assert "def add" in said.asked[0].source and "unrelated_7" not in said.asked[0].source
    assert "unrelated_7" in work.content and "a + b" in work.content


def test_test_keeps_what_passes_and_drops_the_rest(script: Callable[..., Script], tmp_path: Path) -> None:
    path = tmp_path / "adder.py"
    path.write_text(GOOD)
    script("sum():\n    assert add(1, 2) == 3\n\ndef test_wrong():\n    assert add(1, 2) == 4\n\n"
           "def test_silent():\n    add(1, 2)\n\ndef test_zero():\n    assert add(0, 0) == 0\n\n"
           "def test_minus():\n    assert add(1, -1) == 0\n")
    work = makar.code.test(f"{path}:add", model="tiny")
    names = [node.name for node in ast.parse(work.content).body if isinstance(node, ast.FunctionDef)]
    assert names == ["test_sum", "test_zero", "test_minus"]
    assert "from adder import add" in work.content
    assert verdict_of(work, "tests_pass")["passed"]


def test_test_asks_again_for_tests_that_notice_mistakes(script: Callable[..., Script], tmp_path: Path) -> None:
    path = tmp_path / "adder.py"
    path.write_text(GOOD)
    blind = "".join(f"def test_{name}():\n    assert callable(add)\n\n" for name in "bcd")
    said = script(f"a():\n    assert callable(add)\n\n{blind}", "real():\n    assert add(2, 3) == 5\n")
    work = makar.code.test(path, model="tiny")
    assert len(said.asked) == 2 and "test_real" in work.content and "test_a" in work.content


def test_test_survives_a_test_that_hangs(script: Callable[..., Script], tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    from makar.kit.sandbox.testing import Limits, run_tests

    monkeypatch.setattr("makar.verbs.code.testing.run_tests",
                        lambda files, paths: run_tests(files, paths, Limits(wall_s=8.0, cpu_s=2)))
    path = tmp_path / "adder.py"
    path.write_text(GOOD)
    script("hangs():\n    while True: assert 1\n\ndef test_sum():\n    assert add(1, 2) == 3\n")
    content = makar.code.test(path, model="tiny", attempts=1).content
    assert "test_sum" in content and "hangs" not in content


def test_test_that_finds_no_passing_test_says_so(script: Callable[..., Script], tmp_path: Path) -> None:
    path = tmp_path / "adder.py"
    path.write_text(GOOD)
    script("sum():\n    assert add(1, 2) == 4\n")
    with pytest.raises(BadInput, match=r"no attempt of 2 made a test that passes.*assert 3 == 4"):
        makar.code.test(path, model="tiny", attempts=2)


def test_doc_inserts_and_leaves_the_code(script: Callable[..., Script], adder: Path) -> None:
    before = adder.read_text()
    said = script("Subtracts b from a.", "Returns one.")
    work = makar.code.doc(adder, model="tiny")
    assert shape(work.content) == shape(before) and "# odd" in work.content and "return  1" in work.content
    assert '    """Subtracts b from a."""\n' in work.content and '    """Returns one."""\n' in work.content
    assert said.asked[0].prefix == 'def add(a, b):\n    """' and prompt(said.asked[0]).stop == ('"""',)
    assert adder.read_text() == before


def test_doc_of_one_name_and_of_nothing(script: Callable[..., Script], tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text('def f():\n    """Old."""\n    return 1\n\ndef _g(): ...\n')
    script("", "New.")
    assert makar.code.doc(f"{path}:f", model="tiny").content == path.read_text().replace("Old.", "New.")
    with pytest.raises(BadInput, match="has a docstring"):
        makar.code.doc(path, model="tiny")
    with pytest.raises(UnknownName, match=r"'h'.*_g, f"):
        makar.code.doc(f"{path}:h", model="tiny")


def test_explain_a_function(script: Callable[..., Script], adder: Path) -> None:
    said = script("It subtracts.")
    work = makar.code.explain(f"{adder}:add", model="tiny")
    assert work.content == "It subtracts.\n" and work.record["media_type"] == "text/markdown"
    assert said.asked[0].source.startswith("def add") and "other" not in said.asked[0].source


def test_complete_fills_a_gap(script: Callable[..., Script], tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("def add(a, b):\n    return \n\ndef next_one():\n    return 2\n")
    said = script("a + b\n\ndef next_one():\n    return 2\nand so on (")
    work = makar.code.complete(f"{path}:2", model="tiny")
    assert work.content.strip() == "a + b"
    assert (said.asked[0].prefix, said.asked[0].suffix[:5]) == ("def add(a, b):\n    return ", "\n\ndef")
    script("x, y(")
    with pytest.raises(Withheld, match="code_parses"):
        makar.code.complete(f"{path}:1:9", model="tiny")


@pytest.mark.parametrize(("middle", "kept"), [
    ("return a + b\n\n\ndef more():\n    pass\n", "return a + b\n"),
    ("x = [\n        1,\n]\n    return x\n", "x = [\n        1,\n]\n    return x\n"),
    ("if a:\n        return b\n    return a", "if a:\n        return b\n    return a"),
])
def test_a_completion_stays_in_its_block(middle: str, kept: str) -> None:
    assert fitting(middle, "def f(a, b):\n    ", "\n").strip() == kept.strip()


@pytest.mark.parametrize(("place", "words"), [
    ("{path}", "FILE:LINE"), ("{path}:9", "has 3 lines.*no line 9"), ("{path}:0", "no line 0"),
    ("{path}:1:99", "columns 1 to 6.*no column 99"), ("gone.py:1", "there is no file"),
])
def test_places_that_are_not_there(place: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("x = 1\ny = 2\n")
    with pytest.raises((BadInput, NotHere), match=words):
        makar.code.complete(place.format(path=path), model="tiny")


def test_a_model_without_gap_tokens_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from makar.generate.load import load
    from makar.rooms.code import ROOM

    path = tmp_path / "x.py"
    path.write_text("x = \n")
    model = load(ROOM, "tiny")
    monkeypatch.setattr(model, "card", dataclasses.replace(model.card, fim=None))
    with pytest.raises(BadInput, match="cannot fill in the middle"):
        makar.code.complete(f"{path}:1", model="tiny")
