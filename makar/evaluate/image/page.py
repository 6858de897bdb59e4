"""The figures of pictures on one page, with the curve of how near they come to what was learned from."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from makar.evaluate.marks.page import curves
from makar.evaluate.measure import Item, Result

DIFFERENCES = (0, 2, 4, 6, 8, 10, 15, 20, 25, 30, 40, 50)


def page(result: Result, items: Sequence[Item]) -> str:
    """One HTML page that needs nothing else."""
    rows = "".join(f"<tr><td>{html.escape(figure.name)}<td>{_number(figure.value, figure.share)}"
                   f"<td>{_number(figure.interval.low, figure.share)} to {_number(figure.interval.high, figure.share)}"
                   for figure in result.figures)
    pairs = [item.outcome for item in items if item.outcome["kind"] == "pair"]
    people = [(item.key.partition("/")[2], item.outcome) for item in items if item.outcome["kind"] == "people"]
    told = "".join(f"<tr><td>{html.escape(work)}<td>{row['women']} of {row['num']}" for work, row in people)
    name = html.escape(result.model["name"])
    return (f"<!doctype html><meta charset=utf-8><title>Pictures of {name}</title>"
            "<style>body{font:15px system-ui;max-width:46em;margin:2em auto}td{padding:.2em 1em .2em 0}</style>"
            f"<h1>Pictures of {name}</h1><p>{len(pairs)} concepts, each in a style it was never shown in; 95% "
            f"intervals.<table>{rows}</table><h2>Share of pictures whose nearest training picture differs by less than "
            f"x of 255</h2>{memorised(pairs)}<h2>People at work, drawn nearer to women</h2><table>{told}</table>\n")


def memorised(pairs: Sequence[Mapping[str, Any]]) -> str:
    """The curve of made pictures beside that of real ones which were held out, as SVG; both should be alike."""
    values = {"made": [pair["near"] for pair in pairs], "real, held out": [pair["unseen_near"] for pair in pairs]}
    return curves({name: [(float(at), float((np.asarray(found) < at).mean())) for at in DIFFERENCES]
                   for name, found in values.items()})


def _number(value: float, share: bool) -> str:
    return f"{value:.1%}" if share else f"{value:.3g}"
