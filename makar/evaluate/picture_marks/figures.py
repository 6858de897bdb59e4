"""The figures and curves of picture marks."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from makar.evaluate.marks.figures import fitted
from makar.evaluate.marks.page import curves
from makar.evaluate.measure import Figure, Item, Result
from makar.evaluate.picture_marks.attacks import ATTACKS, Attack
from makar.evaluate.statistics import Interval, wilson
from makar.marks.image import THRESHOLD

Outcomes = Sequence[Mapping[str, Any]]
READ_AFTER = "JPEG quality 75"


def figures(items: Sequence[Item]) -> tuple[Figure, ...]:
    """False positives; then, by size, what is found after each attack that is asked for, payload and visibility."""
    outcomes = [item.outcome for item in items]
    marked = [outcome for outcome in outcomes if outcome["kind"] == "marked"]
    by_size = [_of_size(marked, size_px) for size_px in sorted({outcome["size_px"] for outcome in marked})]
    return (*_false_positives(outcomes), *(figure for found in by_size for figure in found))


def found(outcomes: Outcomes, size_px: int, attack: Attack) -> tuple[int, int]:
    """How many pictures of a size were found after an attack, and of how many."""
    p_values = [outcome["attacks"][attack.name][0] for outcome in outcomes if outcome["size_px"] == size_px]
    return sum(p <= math.log10(THRESHOLD) for p in p_values), len(p_values)


def _false_positives(outcomes: Outcomes) -> list[Figure]:
    unmarked = [outcome for outcome in outcomes if outcome["kind"] == "unmarked"]
    num = sum(outcome["num"] for outcome in unmarked)
    if not num:
        return []
    log10_p = sorted(p for outcome in unmarked for p in outcome["log10_p"])
    counted = sum(p <= math.log10(THRESHOLD) for p in log10_p)
    estimate, interval = fitted(log10_p, num)
    looked = f"{num:,} looks at {len(unmarked):,} pictures"
    return [Figure(f"false positives, {looked}", counted / num, wilson(counted, num)),
            Figure("false positives, fitted tail", estimate, interval)]


def _of_size(marked: Outcomes, size_px: int) -> list[Figure]:
    here = [outcome for outcome in marked if outcome["size_px"] == size_px]
    rates = [(attack.name, found(here, size_px, attack)) for attack in ATTACKS if attack.asked]
    read = [outcome["attacks"][READ_AFTER] for outcome in here]
    right, wrong = (sum(state == wanted for _, state in read) for wanted in (1, -1))
    least_db = min(outcome["psnr_db"] for outcome in here)
    return [*(Figure(f"{size_px} px, {name}", hits / num, wilson(hits, num), share=True)
              for name, (hits, num) in rates),
            Figure(f"{size_px} px, payload right after {READ_AFTER}", right / len(here), wilson(right, len(here)),
                   share=True),
            Figure(f"{size_px} px, payload wrong after {READ_AFTER}", wrong / len(here), wilson(wrong, len(here)),
                   share=True),
            Figure(f"{size_px} px, least PSNR (dB) of {len(here)} pictures", least_db,
                   Interval(least_db, max(outcome["psnr_db"] for outcome in here), "least and most"))]


def page(result: Result, items: Sequence[Item]) -> str:
    """One HTML page that needs nothing else."""
    marked = [item.outcome for item in items if item.outcome["kind"] == "marked"]
    rows = "".join(f"<tr><td>{html.escape(figure.name)}<td>{_number(figure, figure.value)}<td>"
                   f"{_number(figure, figure.interval.low)} to {_number(figure, figure.interval.high)}"
                   for figure in result.figures)
    drawn = "".join(f"<h2>Found, by {html.escape(curve)}</h2>{curves(_lines(marked, curve))}"
                    for curve in dict.fromkeys(attack.curve for attack in ATTACKS) if marked)
    return ("<!doctype html><meta charset=utf-8><title>Marks of pictures</title>"
            "<style>body{font:15px system-ui;max-width:46em;margin:2em auto}td{padding:.2em 1em .2em 0}</style>"
            f"<h1>Marks of pictures</h1><p>Scheme {result.settings['scheme']}, found where p &le; "
            f"{result.settings['threshold']:g}; 95% intervals.<table>{rows}</table>{drawn}\n")


def _lines(marked: Outcomes, curve: str) -> dict[str, list[tuple[float, float]]]:
    """The share found by strength, a line for each size."""
    lines = {}
    for size_px in sorted({outcome["size_px"] for outcome in marked}):
        counted = [(attack.strength, found(marked, size_px, attack)) for attack in ATTACKS if attack.curve == curve]
        lines[f"{size_px} px"] = [(strength, hits / num) for strength, (hits, num) in counted]
    return lines


def _number(figure: Figure, value: float) -> str:
    return f"{value:.1%}" if figure.share else f"{value:.3g}"
