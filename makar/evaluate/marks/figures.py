"""The figures of marks, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from makar.evaluate.measure import Figure, Item
from makar.evaluate.statistics import Interval, bootstrap_ratio, wilson
from makar.marks.text import THRESHOLD

WITH_MODEL = ", the model at hand"
NAMES = {"prose": "prose", "predictable": "predictable text"}


def figures(items: Sequence[Item]) -> tuple[Figure, ...]:
    """False positives, as counted and as fitted; true positives by kind and length; after edits; quality."""
    outcomes = [item.outcome for item in items]
    return (*_false_positives(outcomes), *_false_positives_guessed(outcomes), *_true_positives(outcomes),
            *_quality(outcomes))


def human_p_values(outcomes: Sequence[Mapping[str, Any]]) -> tuple[list[float], int]:
    """The decimal logarithms of the p-values below a tenth, ascending, and how many passages there were."""
    human = [outcome for outcome in outcomes if outcome["kind"] == "human"]
    return sorted(p for outcome in human for p in outcome["log10_p"]), sum(outcome["num"] for outcome in human)


def fitted(log10_p: Sequence[float], num: int) -> tuple[float, Interval]:
    """The false positives at the threshold by a tail fitted to the p-values below a hundredth: log-linear, as a
    p-value's are if it is one.

    Source: Hill 1975, A simple general approach to inference about the tail of a distribution, eq. 2.3
    """
    tail = np.array([p for p in log10_p if p <= -2]) * math.log(10)
    count, border = len(tail), math.log(0.01)
    if count < 2:
        return 0.0, Interval(0.0, 1.0, "too few for a fit")
    rate = count / float((border - tail).sum())  # P(p < x) = share * (x / 0.01)^rate
    reach = border - math.log(THRESHOLD)
    estimate = math.log(count / num) - rate * reach
    half = 1.96 * math.sqrt(1 / count + (reach * rate) ** 2 / count)
    return math.exp(estimate), Interval(math.exp(estimate - half), math.exp(estimate + half), "Hill fit below 0.01")


def found(outcomes: Sequence[Mapping[str, Any]], kind: str, curve: str, at: object) -> tuple[int, int]:
    """How many texts of a kind were found at a length or share of edits, of how many that reach it."""
    p_values = [outcome[curve][str(at)] for outcome in outcomes
                if outcome["kind"] == kind and str(at) in outcome.get(curve, {})]
    return sum(p <= THRESHOLD for p in p_values), len(p_values)


def _false_positives(outcomes: Sequence[Mapping[str, Any]]) -> list[Figure]:
    log10_p, num = human_p_values(outcomes)
    if not num:
        return []
    counted = sum(p <= math.log10(THRESHOLD) for p in log10_p)
    estimate, interval = fitted(log10_p, num)
    return [Figure(f"false positives, {num:,} looks at human passages", counted / num, wilson(counted, num)),
            Figure("false positives, fitted tail", estimate, interval)]


def _false_positives_guessed(outcomes: Sequence[Mapping[str, Any]]) -> list[Figure]:
    looks = [outcome["others"] for outcome in outcomes if "others" in outcome]
    num, counted = sum(num for num, _ in looks), sum(counted for _, counted in looks)
    return [Figure(f"false positives{WITH_MODEL}, {num:,} looks at {len(looks)} texts of its own",
                   counted / num, wilson(counted, num))] if num else []


def _true_positives(outcomes: Sequence[Mapping[str, Any]]) -> list[Figure]:
    asked = [(f"{name} of {length} tokens found{how}", found(outcomes, kind, curve, length))
             for kind, name in NAMES.items() for curve, how in (("by_length", ""), ("by_length_guessed", WITH_MODEL))
             for length in (200, 400)]
    asked += [(f"prose of 400 tokens, {frac:.0%} edited{how}", found(outcomes, "prose", curve, frac))
              for frac in (0.1, 0.2, 0.3) for curve, how in (("by_edits", ""), ("by_edits_guessed", WITH_MODEL))]
    return [Figure(f"{name} ({num})", hits / num, wilson(hits, num), share=True) for name, (hits, num) in asked if num]


def _quality(outcomes: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """The perplexity of marked over unmarked texts, prompt by prompt, to a model that wrote neither."""
    by_seed: dict[str, dict[int, tuple[float, int]]] = {
        kind: {outcome["seed"]: tuple(outcome["judged"]) for outcome in outcomes
               if outcome["kind"] == kind and outcome.get("judged", (0, 0))[1]} for kind in ("prose", "plain")}
    seeds = sorted(by_seed["prose"].keys() & by_seed["plain"].keys())
    if len(seeds) < 2:
        return []
    differences = [by_seed["prose"][seed][0] / by_seed["prose"][seed][1]
                   - by_seed["plain"][seed][0] / by_seed["plain"][seed][1] for seed in seeds]
    interval = bootstrap_ratio(differences, [1.0] * len(differences))
    return [Figure(f"perplexity marked / unmarked ({len(seeds)} pairs)", math.exp(float(np.mean(differences))),
                   Interval(math.exp(interval.low), math.exp(interval.high), interval.method))]
