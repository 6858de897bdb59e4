"""Plots as inline SVG: bars from the left, bars around a middle, columns. Each has a label that can be read aloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

ROW_PX, LABEL_PX, BAR_PX, VALUE_PX = 22, 230, 300, 270
COLUMN_PX, HEIGHT_PX = 34, 160


@dataclass(frozen=True)
class Bar:
    """One bar. `note` is what stands at its end, the value where there is none."""

    label: str
    value: float
    note: str = ""


def bars(rows: Sequence[Bar], what: str) -> str:
    """Horizontal bars, in the order given."""
    most = max((row.value for row in rows), default=1) or 1
    parts = []
    for number, row in enumerate(rows):
        top, width = number * ROW_PX, max(1.0, row.value / most * BAR_PX) if row.value else 0
        parts.append(f'<text x="{LABEL_PX - 8}" y="{top + 15}" text-anchor="end">{_short(row.label)}</text>'
                     f'<rect x="{LABEL_PX}" y="{top + 3}" width="{width:.1f}" height="{ROW_PX - 6}" rx="2"/>'
                     f'<text class="value" x="{LABEL_PX + width + 6:.1f}" y="{top + 15}">{_note(row)}</text>')
    return _svg("".join(parts), LABEL_PX + BAR_PX + VALUE_PX, len(rows) * ROW_PX, what)


def diverging(rows: Sequence[Bar], what: str) -> str:
    """Bars to both sides of a middle line: less to the left, more to the right."""
    most = max((abs(row.value) for row in rows), default=1) or 1
    half = BAR_PX / 2
    middle = LABEL_PX + half
    parts = [f'<line x1="{middle}" x2="{middle}" y1="0" y2="{len(rows) * ROW_PX}"/>']
    for number, row in enumerate(rows):
        top, width = number * ROW_PX, abs(row.value) / most * half
        left = middle if row.value >= 0 else middle - width
        side = "more" if row.value >= 0 else "less"
        parts.append(f'<text x="{LABEL_PX - 8}" y="{top + 15}" text-anchor="end">{_short(row.label)}</text>'
                     f'<rect class="{side}" x="{left:.1f}" y="{top + 3}" width="{width:.1f}" height="{ROW_PX - 6}"/>'
                     f'<text class="value" x="{LABEL_PX + BAR_PX + 8}" y="{top + 15}">{_note(row)}</text>')
    return _svg("".join(parts), LABEL_PX + BAR_PX + VALUE_PX, len(rows) * ROW_PX, what)


def columns(rows: Sequence[Bar], what: str) -> str:
    """Upright columns, as of a histogram."""
    most = max((row.value for row in rows), default=1) or 1
    parts = []
    for number, row in enumerate(rows):
        left, height = number * COLUMN_PX, row.value / most * HEIGHT_PX
        parts.append(f'<rect x="{left + 3}" y="{16 + HEIGHT_PX - height:.1f}" width="{COLUMN_PX - 6}" '
                     f'height="{height:.1f}"><title>{escape(row.label)}: {row.value:,.0f}</title></rect>'
                     f'<text x="{left + COLUMN_PX / 2}" y="{HEIGHT_PX + 32}" text-anchor="middle">{escape(row.label)}'
                     f'</text>')
    return _svg("".join(parts), max(1, len(rows)) * COLUMN_PX, HEIGHT_PX + 40, what)


def _note(row: Bar) -> str:
    return escape(row.note or f"{row.value:,.0f}")


def _short(label: str) -> str:
    return escape(label if len(label) <= 34 else f"{label[:33]}…")


def _svg(inside: str, width: int, height: int, what: str) -> str:
    return (f'<svg viewBox="0 0 {width} {max(1, height)}" width="{width}" role="img" aria-label="{escape(what)}">'
            f"{inside}</svg>")
