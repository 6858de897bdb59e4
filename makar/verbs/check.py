"""`makar.check`: every check that can judge a text, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from makar.kit.errors import BadInput
from makar.kit.files import read_text
from makar.verbs.languages import code_of
from makar.verdict import Subject, Verdict

MEDIA_TYPES = {".py": "text/x-python", ".json": "application/json", ".md": "text/markdown", ".html": "text/html"}


def check(work: str | Path, *, media_type: str | None = None, language: str | None = None,
          json_schema: Mapping[str, Any] | None = None, corpora: Sequence[str | Path] = ()) -> list[Verdict]:
    """The verdict of every check that applies to a text (`str`) or to a file (`Path`).

    media_type: for a file taken from its suffix, else `text/plain`.
    corpora: indexes, by name or path, that no long run of it may be verbatim from.
    Raises: BadInput, NotHere, UnknownName, Damaged
    """
    from makar.checks import run_all

    content = read_text(work) if isinstance(work, Path) else work
    if not content.strip():
        raise BadInput("there is nothing to check: the text is empty")
    asked: dict[str, Any] = {}
    if language is not None:
        asked["language"] = code_of(language)
    if json_schema is not None:
        asked["json_schema"] = json_schema
    if corpora:
        from makar.checks.originality import settings

        asked["originality"] = settings({"corpora": [str(name) for name in corpora]}, Path())
    suffix = work.suffix.lower() if isinstance(work, Path) else ""
    subject = Subject(content, media_type or MEDIA_TYPES.get(suffix, "text/plain"), asked)
    return list(run_all(subject))
