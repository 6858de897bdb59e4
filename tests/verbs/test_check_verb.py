"""`makar.check`: every check that applies, on a text or a file."""

from __future__ import annotations

from pathlib import Path

import pytest

import makar
from makar.kit.errors import BadInput, NotHere, UnknownName
from makar.verdict import Verdict


def failed(verdicts: list[Verdict]) -> set[str]:
    """The names of the checks that did not pass."""
    return {one.check for one in verdicts if not one.passed}


def test_a_clean_text_passes_every_check_that_applies() -> None:
    verdicts = makar.check("The kettle sings in the small kitchen, and rain falls on the slate roof.")
    assert {"personal_data", "secrets", "repetition"} <= {one.check for one in verdicts}
    assert all(one.passed for one in verdicts)


def test_findings_have_their_places() -> None:
    text = "Write to jane.doe@brightkettle.co.uk today."
    verdict = next(one for one in makar.check(text) if one.check == "personal_data")
    assert not verdict.passed
    assert [text[span.start:span.end] for span in verdict.spans] == ["jane.doe@brightkettle.co.uk"]


def test_a_file_is_judged_by_its_kind(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("def f(:\n")
    assert "code_parses" in failed(makar.check(file))
    assert "code_parses" not in {one.check for one in makar.check("def f(:\n")}


def test_what_was_asked_for_is_checked() -> None:
    text = "Bonjour, je suis très heureux de vous rencontrer ce matin à Paris."
    assert "language" in failed(makar.check(text, language="German"))
    assert "language" not in failed(makar.check(text, language="fr"))
    verdicts = makar.check('{"a": 1}', media_type="application/json", json_schema={"required": ["b"]})
    assert "json_schema" in failed(verdicts)


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="empty"):
        makar.check(" ")
    with pytest.raises(NotHere, match="no file"):
        makar.check(tmp_path / "absent.txt")
    with pytest.raises(UnknownName, match="language"):
        makar.check("hello", language="Klingon")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="UTF-8"):
        makar.check(binary)
