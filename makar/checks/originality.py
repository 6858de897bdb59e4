"""Originality: no run of tokens longer than the policy allows stands verbatim in what was indexed.

The finding is what goes over the limit: the tokens up to it are a quotation and may leave. White space and the form of
quotes are no difference. Judged against the named indexes only: a model's own training data may be others.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makar.kit.config import from_json
from makar.kit.errors import Damaged
from makar.verdict import Check, Span, Subject, Verdict

if TYPE_CHECKING:
    from makar.tracing.fold import Folded
    from makar.tracing.index import Index
    from makar.tracing.limits import Limits, Repeated

HOLD_BACK_CHARS = 66  # a token of the longest kind, the widest gap that joins two, and one more to see it end
GAP_CHARS = 31
MOST_NAMED = 3


def _run(subject: Subject) -> Verdict:
    from makar.tracing.fold import fold
    from makar.tracing.limits import Limits, repeated

    limits = from_json(Limits, subject.asked["originality"])
    folded = fold(subject.text)
    indexes = [_opened(path, _written(path)) for path in limits.corpora]
    if limits.roots and limits.roots != tuple(index.root for index in indexes):
        raise Damaged("a corpus it compares with is no longer the one that the policy was read with")
    found = [repeated(index, folded, limits) for index in indexes]
    spans = tuple(_spans(folded, found))
    if not spans:
        return Verdict("originality", True, 1.0, f"{_clean(limits, indexes)}{_owed(indexes, found)}")
    share = sum(span.end - span.start for span in spans) / len(subject.text)
    over = max(int(one.over.sum()) for one in found)
    named = _named(indexes, [one.sources for one in found])
    return Verdict("originality", False, max(0.0, 1.0 - share),
                   f"{over} tokens beyond the limit are verbatim from {named}{_owed(indexes, found)}", spans)


def _spans(folded: Folded, found: list[Repeated]) -> Iterator[Span]:
    """What is over the limit in any index, tokens that follow one another as one."""
    start = end = -1
    over = sorted({token for one in found for token in one.over.nonzero()[0].tolist()})
    for first, last in (folded.chars(token, token + 1) for token in over):
        if end < 0 or first - end > GAP_CHARS:
            if end >= 0:
                yield Span(start, end, "verbatim copy")
            start = first
        end = last
    if end >= 0:
        yield Span(start, end, "verbatim copy")


def _clean(limits: Limits, indexes: list[Index]) -> str:
    where = ", ".join(f"{index.name} ({index.num_documents:,} documents, {index.root[:12]})" for index in indexes)
    return (f"no run of more than {limits.limit_tok} tokens ({limits.block_tok} under a blocked licence) is verbatim "
            f"from {where}; other data were not looked in")


def _owed(indexes: list[Index], found: list[Repeated]) -> str:
    owed = [one.owed for one in found]
    return f"; attribute: {_named(indexes, owed)}" if any(owed) else ""


def _named(indexes: list[Index], numbers: list[frozenset[int]]) -> str:
    told = [index.document(number) for index, own in zip(indexes, numbers, strict=True) for number in sorted(own)]
    names = [f"{one['id']} ({one['licence']})" for one in told[:MOST_NAMED]]
    return ", ".join([*names, *([f"{len(told) - MOST_NAMED} more"] if len(told) > MOST_NAMED else [])])


@functools.lru_cache(maxsize=32)
def _opened(path: str, written: int) -> Index:
    """The index, opened once for as long as it is the same; `written` tells a new one apart."""
    from makar.tracing.shelf import open_current

    return open_current(path)


def _written(path: str) -> int:
    from makar.tracing.index import ABOUT

    about = Path(path) / ABOUT
    return about.stat().st_mtime_ns if about.is_file() else 0


def settings(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The [originality] table of a policy as the check is asked; every index is opened once to see that it is there.

    folder: where relative paths begin
    Raises: UnknownName, BadInput, NotHere, Damaged
    """
    from makar.kit.config import to_json
    from makar.tracing.limits import Limits
    from makar.tracing.shelf import open_current

    limits = from_json(Limits, dict(table))
    paths = [str(folder / name) if (folder / name).exists() else name for name in limits.corpora]
    indexes = [open_current(path) for path in paths]
    return {**to_json(limits), "corpora": [str(index.path.resolve()) for index in indexes],
            "roots": [index.root for index in indexes]}


CHECK = Check("originality", _run, ("text/", "application/"), streaming=True, hold_back_chars=HOLD_BACK_CHARS,
              asked="originality", limit_s=30.0)
