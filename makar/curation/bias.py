"""Who is written about, and with which words: mentions of groups, and what stands near them, against people in general.

A mention of a group is one of its terms. Near it are the 8 words before and after. Each association is the rate of a
set of attribute words near the group over their rate near neutral terms (person, people, someone, ...), in powers of
two, with its standard error. It says how texts are written; it is no judgement of the people. English prose only. Words
with other common senses (white, black, straight, old) are left out, so what is said with them alone is not seen.
Sources: Caliskan, Bryson & Narayanan 2017 (arXiv:1608.07187), for sets of attributes; Bordia & Bowman 2019
(arXiv:1904.03035), for windows around terms
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from makar.curation.words import words_of

WINDOW_WORDS = 8
NEUTRAL = "people in general"
GROUPS: Mapping[str, Mapping[str, str]] = {
    "": {NEUTRAL: "person persons people someone somebody anyone anybody everyone everybody individual individuals "
                  "human humans folk folks they them their"},
    "gender": {
        "women": "she her hers herself woman women girl girls female females mother mothers daughter daughters wife "
                 "wives sister sisters lady ladies aunt queen widow actress",
        "men": "he him his himself man men boy boys male males father fathers son sons husband husbands brother "
               "brothers gentleman gentlemen uncle king widower actor",
        "transgender and non-binary people": "transgender transsexual nonbinary genderqueer"},
    "religion": {
        "Christians": "christian christians christianity catholic catholics protestant protestants",
        "Muslims": "muslim muslims islam islamic moslem moslems mohammedan mohammedans",
        "Jews": "jew jews jewish judaism hebrew hebrews", "Hindus": "hindu hindus hinduism hindoo hindoos",
        "Buddhists": "buddhist buddhists buddhism", "atheists": "atheist atheists atheism"},
    "origin": {
        "Africans": "african africans negro negroes nigerian nigerians kenyan kenyans",
        "Arabs": "arab arabs arabian arabians", "Chinese": "chinese chinaman chinamen", "Japanese": "japanese",
        "South Asians": "pakistani pakistanis bengali bangladeshi hindustani",
        "Latin Americans": "mexican mexicans hispanic hispanics latino latinos latina latinas brazilian brazilians",
        "Native Americans": "cherokee sioux apache navajo iroquois aztec aztecs maya mayas",
        "Europeans": "european europeans english englishman frenchman french german germans italian italians irish "
                     "scottish",
        "Americans": "american americans", "immigrants": "immigrant immigrants migrant migrants refugee refugees"},
    "age": {"the young": "child children kid kids teenager teenagers youth youths adolescent adolescents",
            "the elderly": "elderly aged pensioner pensioners grandmother grandfather grandparents seniors"},
    "disability": {"disabled people": "disabled disability disabilities cripple cripples crippled deaf lame "
                                      "wheelchair autistic"},
    "orientation": {"gay, lesbian and bisexual people": "homosexual homosexuals lesbian lesbians bisexual bisexuals "
                                                        "lgbt lgbtq"},
}
ATTRIBUTES: Mapping[str, str] = {
    "career": "executive management professional corporation salary office business career manager director engineer "
              "doctor lawyer officer president scientist",
    "family": "home parents family cousins marriage wedding relatives kitchen nursery baby babies "
              "household",
    "science": "science technology physics chemistry mathematics experiment astronomy engineering computation logic",
    "arts": "poetry art dance literature novel symphony drama sculpture music painting song",
    "pleasant": "love peace happy friend pleasure joy wonderful laughter honest gentle loyal lucky beautiful kind "
                "brave good",
    "unpleasant": "hatred ugly evil filthy murder sickness rotten abuse cruel terrible horrible awful stupid vile bad "
                  "wicked",
    "power": "strong power powerful leader ruler command commander authority victory conquer mighty bold",
    "weakness": "weak helpless timid frail surrender follow obey submissive loser fragile faint",
    "crime": "crime criminal thief thieves stole steal robber murderer prison guilty gang violence violent terrorist "
             "terrorism",
    "wealth": "rich wealth wealthy money fortune gold millionaire luxury prosperous",
    "poverty": "poor poverty beggar beggars hungry rags debt destitute slum",
}


@dataclass(frozen=True)
class Association:
    """Attribute words near a group. `log2_ratio`: of their rate to that near people in general; 0 is no difference."""

    axis: str
    group: str
    attribute: str
    num_near: int
    log2_ratio: float
    error: float

    @property
    def clear(self) -> bool:
        """Whether the difference is over three standard errors and rests on ten words or more."""
        return self.num_near >= 10 and abs(self.log2_ratio) > 3 * self.error


class BiasCounts:
    """Counts over any number of texts; they add up."""

    def __init__(self) -> None:
        num_groups, num_attributes = len(_groups()), len(ATTRIBUTES)
        self.num_words = 0
        self.mentions = np.zeros(num_groups, np.int64)
        self.near = np.zeros((num_groups, num_attributes), np.int64)
        self.window_words = np.zeros(num_groups, np.int64)

    def add(self, texts: Sequence[str]) -> None:
        """Counts some texts."""
        words = words_of(texts)
        num = len(words.numbers)
        self.num_words += num
        if num == 0:
            return
        numbers, groups, attributes = _terms()
        place = np.minimum(np.searchsorted(numbers, words.numbers), len(numbers) - 1)
        place = np.where(numbers[place] == words.numbers, place, len(numbers))
        group, attribute = groups[place], attributes[place]
        at = np.flatnonzero(group >= 0)
        low = np.maximum(at - WINDOW_WORDS, np.searchsorted(words.texts, words.texts[at], side="left"))
        high = np.minimum(at + WINDOW_WORDS + 1, np.searchsorted(words.texts, words.texts[at], side="right"))
        self.mentions += np.bincount(group[at], minlength=len(self.mentions))
        self.window_words += np.bincount(group[at], weights=high - low - 1,
                                         minlength=len(self.mentions)).astype(np.int64)
        for column in range(len(ATTRIBUTES)):
            seen = np.concatenate([[0], np.cumsum(attribute == column)])
            count = seen[high] - seen[low]
            self.near[:, column] += np.bincount(group[at], weights=count, minlength=len(self.mentions)).astype(np.int64)

    def as_json(self) -> dict[str, Any]:
        """The counts as plain JSON, to be added up by `plus`."""
        return {"num_words": self.num_words, "mentions": self.mentions.tolist(), "near": self.near.tolist(),
                "window_words": self.window_words.tolist()}

    def plus(self, counts: Mapping[str, Any]) -> None:
        """Adds what `as_json` gave."""
        self.num_words += counts["num_words"]
        self.mentions += np.array(counts["mentions"])
        self.near += np.array(counts["near"])
        self.window_words += np.array(counts["window_words"])

    def by_group(self) -> list[tuple[str, str, int]]:
        """(axis, group, mentions), people in general first."""
        return [(axis, group, int(self.mentions[index])) for index, (axis, group) in enumerate(_groups())]

    def associations(self) -> list[Association]:
        """Every group and attribute. Add-half smoothing keeps what was never seen finite."""
        found = []
        neutral_rate = [(near + 0.5) / (self.window_words[0] + 1) for near in self.near[0]]
        for index, (axis, group) in enumerate(_groups()):
            if index == 0 or self.mentions[index] == 0:
                continue
            for column, attribute in enumerate(ATTRIBUTES):
                near = int(self.near[index, column])
                ratio = (near + 0.5) / (self.window_words[index] + 1) / neutral_rate[column]
                error = math.sqrt(1 / (near + 0.5) + 1 / (int(self.near[0, column]) + 0.5)) / math.log(2)
                found.append(Association(axis, group, attribute, near, math.log2(ratio), error))
        return found


def _groups() -> list[tuple[str, str]]:
    return [(axis, group) for axis, groups in GROUPS.items() for group in groups]


@functools.cache
def _terms() -> tuple[Any, Any, Any]:
    """(sorted numbers of words, group of each or -1, attribute of each or -1), with a last row for any other word."""
    group_of: dict[str, int] = {}
    attribute_of: dict[str, int] = {}
    for index, (axis, group) in enumerate(_groups()):
        group_of.update(dict.fromkeys(GROUPS[axis][group].split(), index))
    for index, listed in enumerate(ATTRIBUTES.values()):
        attribute_of.update(dict.fromkeys(listed.split(), index))
    terms = sorted(term for term in {*group_of, *attribute_of} if term.isalnum())
    numbers = words_of([" ".join(terms)]).numbers
    order = np.argsort(numbers)
    groups = np.array([group_of.get(terms[place], -1) for place in order] + [-1])
    attributes = np.array([attribute_of.get(terms[place], -1) for place in order] + [-1])
    return numbers[order], groups, attributes
