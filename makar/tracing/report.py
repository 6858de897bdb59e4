"""A traced text: what of it stands in which documents, and what that says about where it is from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from makar.kit.config import to_json
from makar.tracing.index import Index
from makar.tracing.near import LEAST_TOK as NEAR_TOK
from makar.tracing.near import NearMatch, near
from makar.tracing.spans import LEAST_TOK, Match, spans

NOT_DISCLOSED = "training data not disclosed"
_COVERED_FRAC = 0.8


@dataclass(frozen=True)
class Looked:
    """A corpus or folder that was looked in; `root` names exactly its state."""

    name: str
    kind: str
    root: str
    num_documents: int
    num_tok: int


@dataclass(frozen=True)
class Trace:
    """What was found of a text.

    spans: verbatim; passages: near-verbatim, without those that a span covers
    training_data: what is known of what the text's model learned from
    """

    content: str
    min_tok: int
    looked_in: tuple[Looked, ...]
    spans: tuple[Match, ...]
    passages: tuple[NearMatch, ...]
    training_data: str = NOT_DISCLOSED

    @property
    def verbatim_frac(self) -> float:
        """The share of the text's characters that stand in a span."""
        return _covered([(span.start, span.end) for span in self.spans]) / max(1, len(self.content))

    @property
    def statement(self) -> str:
        """What the trace says, and what it cannot say."""
        where = ", ".join(f"{one.name} ({one.num_documents:,} documents)" for one in self.looked_in)
        found = (f"{len(self.spans)} verbatim of {self.min_tok} tokens or more ({self.verbatim_frac:.0%} of the text), "
                 f"{len(self.passages)} near-verbatim" if self.spans or self.passages else
                 f"nothing of {self.min_tok} tokens or more was found verbatim, and nothing near-verbatim")
        return f"{found}, in {where}; of the text's model: {self.training_data}"

    @property
    def record(self) -> dict[str, Any]:
        """The trace as plain JSON values, without the text."""
        told: dict[str, Any] = to_json(self)
        del told["content"]
        return {"statement": self.statement, "verbatim_frac": round(self.verbatim_frac, 6), **told}


def trace_in(indexes: Sequence[Index], text: str, min_tok: int = LEAST_TOK, *, edited: bool = True,
             training_data: str = NOT_DISCLOSED) -> Trace:
    """Looks for the text in every index. `edited`: near-verbatim passages too.

    Raises: BadInput
    """
    exact = sorted((match for index in indexes for match in spans(index, text, min_tok)),
                   key=lambda match: (match.start, -match.end))
    loose = [match for index in indexes for match in near(index, text, max(min_tok, NEAR_TOK))] if edited else []
    looked = tuple(Looked(index.name, index.kind, index.root, index.num_documents, index.num_tok) for index in indexes)
    return Trace(text, min_tok, looked, tuple(exact),
                 tuple(sorted((match for match in loose if not _is_exact(match, exact)), key=lambda one: one.start)),
                 training_data)


def _is_exact(passage: NearMatch, exact: Sequence[Match]) -> bool:
    inside = [(max(span.start, passage.start), min(span.end, passage.end)) for span in exact]
    return _covered([part for part in inside if part[0] < part[1]]) >= _COVERED_FRAC * (passage.end - passage.start)


def _covered(parts: Sequence[tuple[int, int]]) -> int:
    covered = reach = 0
    for start, end in sorted(parts):
        covered += max(0, end - max(start, reach))
        reach = max(reach, end)
    return covered
