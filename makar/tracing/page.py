"""The page of a trace: the text with its spans highlighted, and the documents they stand in. Needs nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from makar.tracing.index import Place
from makar.tracing.report import Trace


@dataclass(frozen=True)
class Finding:
    """One span or passage as the page shows it: characters [start, end), `number` counts from 1."""

    number: int
    start: int
    end: int
    kind: str
    words: str
    num_places: int
    places: tuple[Place, ...]
    text: str


@dataclass(frozen=True)
class Part:
    """A stretch of the text under the same findings; `finding` is the one it leads to."""

    text: str
    kind: str = ""
    finding: int = 0
    begins: bool = False


def page(trace: Trace) -> str:
    """The whole page as HTML."""
    found = findings(trace)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = files("makar.tracing").joinpath("page.html.jinja").read_text("utf-8")
    return environment.from_string(source).render(trace=trace, findings=found, parts=list(parts(trace.content, found)),
                                                  documents=_documents(found))


def findings(trace: Trace) -> list[Finding]:
    """Verbatim spans, then near-verbatim passages."""
    found = [Finding(number, span.start, span.end, "verbatim", f"{span.num_tok} tokens, verbatim", span.num_places,
                     span.places, trace.content[span.start:span.end])
             for number, span in enumerate(trace.spans, 1)]
    return found + [Finding(number, one.start, one.end, "edited",
                            f"{one.num_tok} tokens, {one.share_frac:.0%} of them in the same order", 1, (one.place,),
                            trace.content[one.start:one.end])
                    for number, one in enumerate(trace.passages, len(found) + 1)]


def parts(text: str, found: list[Finding]) -> Iterator[Part]:
    """The text cut where findings begin and end; a stretch under several leads to the longest verbatim one."""
    edges = sorted({0, len(text), *(edge for one in found for edge in (one.start, one.end))})
    begun = set[int]()
    for start, end in itertools.pairwise(edges):
        over = [one for one in found if one.start <= start and end <= one.end]
        best = min(over, key=lambda one: (one.kind != "verbatim", one.start - one.end), default=None)
        if best is None:
            yield Part(text[start:end])
        else:
            yield Part(text[start:end], best.kind, best.number, best.number not in begun)
            begun.add(best.number)


def _documents(found: list[Finding]) -> list[tuple[Place, list[int]]]:
    """Every document named, with the numbers of the findings that stand in it."""
    named: dict[tuple[str, str], tuple[Place, list[int]]] = {}
    for one in found:
        for place in one.places:
            _, numbers = named.setdefault((place.source, place.document), (place, []))
            if one.number not in numbers:
                numbers.append(one.number)
    return list(named.values())
