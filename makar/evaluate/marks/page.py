"""The curves of marks on one page: how often human text is taken for marked, and how often marked text is found."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from makar.evaluate.marks.figures import found, human_p_values
from makar.evaluate.measure import Item, Result

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 620, 320, 60, 44, 16
COLOURS = ("#2a6f97", "#c1666b", "#588157", "#7a5195", "#b07d12", "#444444")
AT_HAND = "model at hand"
Points = Sequence[tuple[float, float]]


def page(result: Result, items: Sequence[Item]) -> str:
    """One HTML page that needs nothing else."""
    outcomes = [item.outcome for item in items]
    log10_p, num = human_p_values(outcomes)
    rates = [(float(-level), math.log10(max(1, sum(p <= -level for p in log10_p)) / num)) for level in
             (1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5)] if num else []
    ideal = [(x, x) for x, _ in rates]
    lengths = result.settings["lengths_tok"]
    by_length = {name: _rates(partial(found, outcomes, kind, curve), lengths)
                 for name, kind, curve in (("prose", "prose", "by_length"), ("predictable", "predictable", "by_length"),
                                           ("unmarked", "plain", "by_length"), (AT_HAND, "prose", "by_length_guessed"))}
    by_edits = {name: _rates(partial(found, outcomes, "prose", curve), result.settings["edits_frac"])
                for name, curve in (("prose of 400 tokens", "by_edits"), (AT_HAND, "by_edits_guessed"))}
    rows = "".join(f"<tr><td>{html.escape(figure.name)}<td>{_number(figure.value, figure.share)}"
                   f"<td>{_number(figure.interval.low, figure.share)} to {_number(figure.interval.high, figure.share)}"
                   for figure in result.figures)
    drawn = [("Human passages: share with a p-value of at most x (both as powers of ten)",
              {"measured": rates, "as promised": ideal}), ("Share of texts found, by length in tokens", by_length),
             ("Share of texts found, by share of tokens edited", by_edits)]
    pictures = "".join(f"<h2>{title}</h2>{curves(lines)}" for title, lines in drawn if any(lines.values()))
    return (f"<!doctype html><meta charset=utf-8><title>Marks of {html.escape(result.model['name'])}</title>"
            "<style>body{font:15px system-ui;max-width:46em;margin:2em auto}td{padding:.2em 1em .2em 0}</style>"
            f"<h1>Marks of {html.escape(result.model['name'])}</h1><p>Scheme {result.settings['scheme']}, found where "
            f"p &le; {result.settings['threshold']:g}; 95% intervals.<table>{rows}</table>{pictures}\n")


def curves(lines: Mapping[str, Points]) -> str:
    """Lines with dots as an SVG picture."""
    points = [point for line in lines.values() for point in line]
    low_x, high_x = min(x for x, _ in points), max(x for x, _ in points)
    low_y, high_y = min(0.0, *(y for _, y in points)), max(y for _, y in points)
    if low_y == 0:
        high_y = 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        return (LEFT + (x - low_x) / ((high_x - low_x) or 1) * (WIDTH - LEFT - 20),
                HEIGHT - BOTTOM - (y - low_y) / ((high_y - low_y) or 1) * (HEIGHT - BOTTOM - TOP))

    parts = [_text(place(low_x, low_y + (high_y - low_y) * step / 4), f"{low_y + (high_y - low_y) * step / 4:.3g}",
                   "end", -8, 4) for step in range(5)]
    parts += [_text(place(x, low_y), f"{x:g}", "middle", 0, 18) for x in sorted({x for x, _ in points})]
    for number, (name, line) in enumerate(lines.items()):
        colour, dots = COLOURS[number % len(COLOURS)], [place(x, y) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in dots]
        left = LEFT + 12 + number * min(150, (WIDTH - LEFT) / len(lines))
        parts.append(f'<text x="{left:.0f}" y="{HEIGHT - 6}" fill="{colour}">'
                     f"{html.escape(name)}</text>")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">{"".join(parts)}</svg>'


def _text(at: tuple[float, float], words: str, anchor: str, right: float, down: float) -> str:
    return f'<text x="{at[0] + right:.1f}" y="{at[1] + down:.1f}" text-anchor="{anchor}" fill="#555">{words}</text>'


def _rates(count: Callable[[object], tuple[int, int]], places: Sequence[float]) -> list[tuple[float, float]]:
    counted = [(float(at), count(at)) for at in places]
    return [(at, hits / num) for at, (hits, num) in counted if num]


def _number(value: float, share: bool) -> str:
    return f"{value:.1%}" if share else f"{value:.3g}"
