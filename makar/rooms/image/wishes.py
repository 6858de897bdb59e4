"""Words of a prompt to values of attributes, for models that know attributes in place of language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

Vocabulary = Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]
"""Noun, adjective, and what the two ask for; see `makar.codecs.attributed.Facts`."""

_SMALL = frozenset(("a", "an", "the", "and", "or", "of", "with", "in", "on", "is", "are", "has", "have", "having",
                    "wearing", "wears", "who", "whose", "that", "this", "some", "her", "his", "their", "very"))
_NO = {"without": "no"}


@dataclass(frozen=True)
class Wishes:
    """values: the attributes that are asked for, and the values of which any may be taken

    known, unknown: what was understood, in phrases; the words that mean nothing here
    """

    values: Mapping[str, tuple[str, ...]]
    known: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def known_frac(self) -> float:
        """The share of the words that were understood; small words do not count."""
        num = sum(len(phrase.split()) for phrase in self.known)
        return num / max(1, num + len(self.unknown))


def wishes(prompt: str, words: Vocabulary) -> Wishes:
    """What a prompt asks for: each noun takes the adjectives before it, as far back as the noun before."""
    values: dict[str, tuple[str, ...]] = {}
    known, unknown, before = list[str](), list[str](), list[str]()
    for word in re.findall(r"[a-z]+(?:-[a-z]+)*", prompt.lower()):
        word = _NO.get(word, word)
        if word in words and word:
            told, unmet = _understood(words[word], before)
            said = [*told, word] if "" in words[word] or told else []
            for adjective in ([] if "no" in told else [""]) + told:
                _add(values, words[word].get(adjective, {}))
            known += [" ".join(said)] if said else []
            rest = unmet if said else [*unmet, word]
            before = []
            for lonely in rest:
                _alone(lonely, words.get("", {}), values, known, unknown)
        elif word not in _SMALL:
            before.append(word)
    for lonely in before:
        _alone(lonely, words.get("", {}), values, known, unknown)
    return Wishes(values, tuple(known), tuple(unknown))


def _understood(known: Mapping[str, Mapping[str, tuple[str, ...]]], before: list[str]) -> tuple[list[str], list[str]]:
    """The adjectives, of one word or two, that a noun knows, and the words that it does not."""
    told, unmet, at = list[str](), list[str](), 0
    while at < len(before):
        two = " ".join(before[at:at + 2])
        found = next((phrase for phrase in (two, before[at]) if phrase in known), None)
        (unmet if found is None else told).append(found or before[at])
        at += len((found or before[at]).split())
    return told, unmet


def _alone(word: str, alone: Mapping[str, Mapping[str, tuple[str, ...]]], values: dict[str, tuple[str, ...]],
           known: list[str], unknown: list[str]) -> None:
    if word in alone:
        _add(values, alone[word])
    (known if word in alone else unknown).append(word)


def _add(values: dict[str, tuple[str, ...]], meaning: Mapping[str, tuple[str, ...]]) -> None:
    """What was asked before is narrowed where both can be had; else the later word counts."""
    for name, wanted in meaning.items():
        both = tuple(value for value in values.get(name, wanted) if value in wanted)
        values[name] = both or wanted
