"""How much of what was indexed may be repeated, by licence: quoted up to a limit, attributed, or blocked."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from makar.kit.errors import BadInput, UnknownName
from makar.tracing.fold import Folded
from makar.tracing.index import Index
from makar.tracing.spans import possible_starts

RULES = ("attribute", "quote", "block")  # from the softest to the hardest


@dataclass(frozen=True)
class Limits:
    """What a policy allows.

    corpora: the indexes that are looked in, by name or path
    limit_tok: the most tokens in a row that may stand in a document that can be quoted
    block_tok: the same for a document that is blocked; documents to attribute are named from there on
    rule: for licences that `licences` does not name
    licences: rule by SPDX name, or by a pattern such as `GPL-*`
    roots: what the corpora were when the policy was read; the check judges by no others
    """

    corpora: tuple[str, ...]
    limit_tok: int = 50
    block_tok: int = 20
    rule: str = "quote"
    licences: Mapping[str, str] = field(default_factory=dict)
    roots: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.corpora:
            raise BadInput("[originality] names no corpora; write corpora = [\"NAME or PATH of an index\"]")
        for name in ("limit_tok", "block_tok"):
            if getattr(self, name) < 1:
                raise BadInput(f"[originality] {name} is at least 1; got {getattr(self, name)}")
        for rule in (self.rule, *self.licences.values()):
            if rule not in RULES:
                raise UnknownName("rule of [originality]", str(rule), RULES)

    def rule_of(self, licence: str) -> str:
        """The rule for a licence: of `A OR B` the softer, of `A AND B` the harder."""
        if licence in self.licences:
            return self.licences[licence]
        for joint, choose in (("OR", min), ("AND", max)):
            parts = re.split(rf"\s+{joint}\s+", licence)
            if len(parts) > 1:
                return choose(map(self.rule_of, parts), key=RULES.index)
        return next((rule for form, rule in self.licences.items() if fnmatch.fnmatchcase(licence, form)), self.rule)


@dataclass(frozen=True)
class Repeated:
    """Runs of tokens of one text that one index holds.

    over: for each token whether it ends a run longer than its documents' rule allows
    sources: the documents of these runs
    owed: documents that are to be attributed
    """

    over: NDArray[np.bool_]
    sources: frozenset[int]
    owed: frozenset[int]


def repeated(index: Index, folded: Folded, limits: Limits) -> Repeated:
    """What of the text goes over the limits. A token is judged by the tokens before it alone, so what follows changes
    nothing: the check can stop a text that is still being made.

    Where a run stands in several documents, the hardest of their rules holds.
    """
    over = np.zeros(len(folded), bool)
    sources, owed = set[int](), set[int]()
    for rule, most_tok in (("block", limits.block_tok), ("quote", limits.limit_tok), ("attribute", limits.block_tok)):
        codes = [code for code, licence in enumerate(index.licences) if limits.rule_of(licence) == rule]
        if codes:
            for last, documents in _runs(index, folded, most_tok + 1, codes):
                if rule == "attribute":
                    owed.update(documents)
                else:
                    over[last] = True
                    sources.update(documents)
    return Repeated(over, frozenset(sources), frozenset(owed))


def _runs(index: Index, folded: Folded, num_tok: int, codes: list[int]) -> list[tuple[int, list[int]]]:
    """(last token, documents under one of these licences) of every run of `num_tok` tokens that such documents hold."""
    found = []
    for shard in index.shards:
        for first in possible_starts(shard, folded, num_tok).tolist():
            last = first + num_tok
            documents = shard.documents(shard.places(folded.part(first, last), is_open=folded.is_open(last)))
            under = documents[np.isin(index.licence_codes[documents], codes)]
            if len(under):
                found.append((last - 1, under.tolist()))
    return found
