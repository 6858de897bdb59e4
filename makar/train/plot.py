"""The loss of a run as an SVG picture, and its log as JSON lines."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from makar.kit.files import atomic_write, disk_errors

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 360, 56, 40, 28


class Log:
    """One JSON object a line, `step` in each. Raises: OutOfRoom, BadInput"""

    def __init__(self, path: Path, from_step: int) -> None:
        """Goes on with what earlier processes wrote of the steps before `from_step`."""
        self._path = path
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        self.rows: list[dict[str, Any]] = [row for row in map(_read, lines) if row and row["step"] <= from_step]
        atomic_write(path, "".join(json.dumps(row) + "\n" for row in self.rows))

    def add(self, row: dict[str, Any]) -> None:
        """Appends one row."""
        self.rows.append(row)
        with disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _read(line: str) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except ValueError:  # the last line of a killed process may be cut
        return {}


def draw_loss(rows: Sequence[dict[str, Any]], title: str, unit: str = "loss per token in nats") -> str:
    """The training loss, averaged over neighbours, and the points of the validation loss; step across, loss up."""
    train = _thinned([(row["step"], row["loss"]) for row in rows if "loss" in row])
    held = [(row["step"], row["validation_loss"]) for row in rows if row.get("validation_loss") is not None]
    values = [value for _, value in train + held]
    if not values:
        return ""
    last, low, high = max(step for step, _ in train + held), math.floor(min(values) * 2) / 2, max(values)
    high = max(math.ceil(high * 2) / 2, low + 0.5)

    def place(point: tuple[float, float]) -> str:
        x = LEFT + point[0] / max(1, last) * (WIDTH - LEFT - 16)
        y = HEIGHT - BOTTOM - (point[1] - low) / (high - low) * (HEIGHT - BOTTOM - TOP)
        return f"{x:.1f},{y:.1f}"

    grid = []
    for tick in range(6):
        value = low + (high - low) * tick / 5
        y = place((0, value)).split(",")[1]
        grid.append(f'<line x1="{LEFT}" x2="{WIDTH - 16}" y1="{y}" y2="{y}" stroke="#ddd"/>'
                    f'<text x="{LEFT - 6}" y="{y}" text-anchor="end" dy="4">{value:.2f}</text>')
    grid += [f'<text x="{place((step, low)).split(",")[0]}" y="{HEIGHT - BOTTOM + 18}" '
             f'text-anchor="middle">{step:,}</text>' for step in _round_steps(int(last))]
    dots = "".join('<circle cx="{}" cy="{}" r="3" fill="#c0392b"/>'.format(*place(point).split(",")) for point in held)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            f'font-size="11" fill="#333"><rect width="100%" height="100%" fill="#fff"/>'
            f'<text x="{LEFT}" y="16" font-size="13">{_escaped(title)}: {unit} '
            f'(blue: training, red: held out)</text>{"".join(grid)}'
            f'<polyline fill="none" stroke="#2c6fbb" stroke-width="1.5" points="{" ".join(map(place, train))}"/>'
            f'{dots}</svg>\n')


def draw_errors(rows: Sequence[dict[str, Any]], title: str) -> str:
    """How far pictures come out from the real ones: those trained on as a line, the others as points."""
    seen = [{"step": row["step"], "loss": row["train_error"], "validation_loss": row["error"]} for row in rows
            if row["train_error"] is not None]
    return draw_loss(seen, title, "mean difference to the real picture, of 255")


def _round_steps(last: int) -> range:
    """At most seven steps from 0 on, 1, 2 or 5 times a power of ten apart."""
    unit = 10 ** math.floor(math.log10(max(6, last) / 6))
    unit *= next(factor for factor in (1, 2, 5, 10) if last <= 6 * unit * factor)
    return range(0, last + 1, unit)


def _thinned(points: Sequence[tuple[int, float]], most: int = 300) -> list[tuple[float, float]]:
    width = max(1, -(-len(points) // most))
    groups = [points[start:start + width] for start in range(0, len(points), width)]
    return [(sum(step for step, _ in group) / len(group), sum(value for _, value in group) / len(group))
            for group in groups]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
