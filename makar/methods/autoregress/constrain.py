"""Output held to a JSON Schema, a regex or a choice: which tokens may come next, by llguidance."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import llguidance
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makar.codecs.bpe import Tokenizer
from makar.kit.errors import BadInput, UnknownName
from makar.methods.autoregress import schema
from makar.methods.autoregress.regex import checked

_NAMES = {"json_schema": "JSON Schema", "regex": "regex", "choice": "choice"}
KINDS = tuple(_NAMES)
MAX_BODY_CHARS = 1_000_000
MAX_CACHED = 64

# At most one space after a comma or colon: both common spellings, and nothing a small model could repeat without end.
_JSON_STYLE: Any = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?", "lenient": False,
                    "coerce_one_of": False, "json_allow_general_unicode_escapes": False}


@dataclass(frozen=True)
class Constraint:
    """What an output is held to. Body: the schema as JSON (properties come in its order), the regex, or a JSON list.

    Raises: UnknownName (kind), BadInput (body)
    """

    kind: str
    body: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName("constraint", self.kind, KINDS)
        if not isinstance(self.body, str) or len(self.body) > MAX_BODY_CHARS:
            raise BadInput(f"a {self.kind} constraint is text of at most {MAX_BODY_CHARS:,} characters")
        if any("\ud800" <= char <= "\udfff" for char in self.body):
            raise BadInput(f"the {self.kind} holds half of a character (a lone surrogate), which no text contains")


class GrammarState:
    """Where one sequence stands in its grammar."""

    def __init__(self, matcher: llguidance.LLMatcher) -> None:
        self._matcher = matcher

    @property
    def can_stop(self) -> bool:
        """Whether the output is complete as it stands."""
        return bool(self._matcher.is_accepting())

    def finished(self) -> bool:
        """Whether the output is complete and nothing more can follow."""
        return bool(self._matcher.is_stopped())

    def allowed(self) -> NDArray[np.bool_]:
        """Which tokens may come next; an end token only where the output is complete.

        Shapes: (tokens of the tokenizer, rounded up to 32,)
        Raises: BadInput (no token can come next, or the grammar became too complex)
        """
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        if self._matcher.is_error():
            raise BadInput(f"the output cannot be held to its form: {_reason(self._matcher.get_error())}")
        if not bits.any():
            raise BadInput("the output cannot be held to its form: nothing can follow; loosen the schema or regex")
        return np.unpackbits(bits, bitorder="little").view(np.bool_)

    def mask_(self, logits: Tensor) -> Tensor:
        """Sets the logits of forbidden tokens to -inf, in place.

        Shapes: logits (V,), V at least the tokens of the tokenizer
        Raises: BadInput
        """
        allowed = self.allowed()[: len(logits)]
        logits[len(allowed):] = -math.inf
        kept = np.flatnonzero(allowed)
        if len(kept) * 8 < len(allowed):  # most masks allow little: keeping that is faster than forbidding the rest
            ids = torch.from_numpy(kept).to(logits.device)
            values = logits[ids]
            logits.fill_(-math.inf)
            logits[ids] = values
        else:
            logits[: len(allowed)].masked_fill_(torch.from_numpy(~allowed).to(logits.device), -math.inf)
        return logits

    def accept(self, token_id: int) -> None:
        """Moves past one token, which `mask_` must have allowed."""
        accepted = self._matcher.consume_token(token_id)
        assert accepted, f"token {token_id} was not allowed: {_reason(self._matcher.get_error())}"


class Grammar:
    """A constraint compiled for one tokenizer; many sequences can start from it."""

    def __init__(self, constraint: Constraint, matcher: llguidance.LLMatcher) -> None:
        self.constraint = constraint
        self._matcher = matcher

    @classmethod
    def compile(cls, constraint: Constraint, tokenizer: Tokenizer, eos_ids: Iterable[int]) -> Grammar:
        """The grammar of `constraint`, from a cache where it was compiled before.

        Raises: BadInput (names what cannot be enforced, or why nothing can satisfy it)
        """
        return _compiled(constraint, tokenizer, tuple(sorted(set(eos_ids))))

    def start(self) -> GrammarState:
        """A new sequence at its beginning."""
        return GrammarState(self._matcher.deep_copy())


class _Vocabulary:
    """A tokenizer in the form llguidance asks for."""

    bos_token_id = None

    def __init__(self, tokenizer: Tokenizer, eos_ids: tuple[int, ...]) -> None:
        self._tokenizer = tokenizer
        self.eos_token_id = eos_ids[0] if eos_ids else None
        self.special_token_ids = sorted(tokenizer.special_ids)
        self.tokens = [tokenizer.bytes_of(id) for id in range(tokenizer.vocab_size)]

    def __call__(self, text: bytes) -> list[int]:
        """Tokens of text that the grammar forces: as the model's own tokenizer splits it where that is exact."""
        ids = self._tokenizer.encode(text.decode("utf-8"))
        return ids if b"".join(self.tokens[id] for id in ids) == text else self._greedy(text)

    def _greedy(self, text: bytes) -> list[int]:
        """The longest token that fits, again and again."""
        ids, place = [], 0
        while place < len(text):
            end = next(end for end in range(min(len(text), place + self._longest), place, -1)
                       if text[place:end] in self._ids)
            ids.append(self._ids[text[place:end]])
            place = end
        return ids

    @functools.cached_property
    def _ids(self) -> dict[bytes, int]:
        return {data: id for id, data in enumerate(self.tokens) if id not in self._tokenizer.special_ids and data}

    @functools.cached_property
    def _longest(self) -> int:
        return max(map(len, self._ids))


@functools.lru_cache(maxsize=MAX_CACHED)
def _compiled(constraint: Constraint, tokenizer: Tokenizer, eos_ids: tuple[int, ...]) -> Grammar:
    if constraint.kind == "json_schema":
        grammar = _json_grammar(constraint.body)
    elif constraint.kind == "regex":
        grammar = llguidance.LLMatcher.grammar_from_regex(checked(constraint.body))
    else:
        grammar = llguidance.LLMatcher.grammar_from_regex("|".join(map(_literal, _choices(constraint.body))))
    name = _NAMES[constraint.kind]
    matcher = llguidance.LLMatcher(_words(tokenizer, eos_ids, constraint.kind == "json_schema"), grammar, log_level=0)
    if matcher.is_error():
        raise BadInput(f"the {name} cannot be enforced: {_reason(matcher.get_error())}")
    if not _can_begin(matcher.deep_copy(), eos_ids):
        raise BadInput(f"no output can satisfy the {name}")
    return Grammar(constraint, matcher)


def _can_begin(matcher: llguidance.LLMatcher, eos_ids: tuple[int, ...]) -> bool:
    """Whether the empty output is complete or some token can come first; an empty language allows only an end."""
    if matcher.is_accepting():
        return True
    bits = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
    return not matcher.is_error() and bool(np.delete(np.unpackbits(bits, bitorder="little"), eos_ids).any())


@functools.lru_cache(maxsize=8)
def _words(tokenizer: Tokenizer, eos_ids: tuple[int, ...], for_json: bool) -> llguidance.LLTokenizer:
    """The tokenizer as llguidance sees it; slices are the sets of tokens whose masks it computes beforehand."""
    if for_json:
        return _words(tokenizer, eos_ids, False).with_slices(llguidance.LLTokenizer.json_slices())
    wrapped = llguidance.TokenizerWrapper(_Vocabulary(tokenizer, eos_ids))
    return llguidance.LLTokenizer(wrapped, eos_token=list(eos_ids) or None)


def _json_grammar(body: str) -> str:
    clean = schema.enforceable(body)
    try:
        grammar: str = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(clean), overrides=_JSON_STYLE)
    except ValueError as error:
        raise BadInput(f"the JSON Schema cannot be enforced: {_reason(str(error))}") from None
    return grammar


def _choices(body: str) -> list[str]:
    try:
        choices = json.loads(body)
    except (json.JSONDecodeError, RecursionError):
        choices = None
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, str) for choice in choices):
        raise BadInput(f"a choice is a JSON list of one or more strings, got {body[:60]}")
    if any("\ud800" <= char <= "\udfff" for choice in choices for char in choice):
        raise BadInput("a choice holds half of a character (a lone surrogate), which no text contains")
    return choices


def _literal(text: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else f"\\x{{{ord(char):X}}}" for char in text)


def _reason(message: str) -> str:
    """The telling part of an error that may draw pictures over several lines, in our words where those mislead."""
    if message.startswith("oneOf"):
        return "the alternatives of a 'oneOf' cannot be shown to exclude each other; use 'anyOf'"
    if "lookarounds not supported" in message:
        return "a word boundary (\\b, \\B) or an anchor (^, $) in the middle is not supported"
    found = re.search(r"error: (.*)", message)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return (found[1] if found else " ".join(lines[:2]))[:300]
