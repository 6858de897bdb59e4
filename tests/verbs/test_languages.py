"""Languages by code and by name."""

from __future__ import annotations

import pytest

from makar.kit.errors import UnknownName
from makar.verbs.languages import NAMES, code_of


@pytest.mark.parametrize("asked", ["fr", "FR", "French", " french "])
def test_code_or_name(asked: str) -> None:
    assert code_of(asked) == "fr"


def test_every_name_leads_to_its_code() -> None:
    assert {code_of(name): name for name in NAMES.values()} == NAMES


def test_unknown() -> None:
    with pytest.raises(UnknownName, match="did you mean"):
        code_of("Frenhc (fr)")
