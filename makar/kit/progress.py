"""One line that shows long work going on, on standard error, only where a person can see it."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO


class Progress:
    """Counts towards `total` and redraws at most ten times a second; silent when `out` is no terminal.

    Off a terminal one line is written every `quiet_s` seconds, so that a log shows that work goes on.
    """

    def __init__(self, label: str, total: float, unit: str = "", *, out: TextIO | None = None,
                 quiet_s: float = 15.0) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.out = sys.stderr if out is None else out
        self.done, self.note = 0.0, ""
        self._live = self.out.isatty()
        self._every_s = 0.1 if self._live else quiet_s
        self._start_s = self._drawn_s = time.monotonic()
        self._drew = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._drew or self._live:
            self._draw()
            if self._live:
                self.out.write("\n")
                self.out.flush()

    def advance(self, amount: float, note: str = "") -> None:
        """Adds `amount` of work done; `note` replaces the words at the end of the line."""
        self.done += amount
        self.note = note or self.note
        if time.monotonic() - self._drawn_s >= self._every_s:
            self._draw()

    def _draw(self) -> None:
        self._drawn_s, self._drew = time.monotonic(), True
        spent_s = self._drawn_s - self._start_s
        rate = self.done / spent_s if spent_s > 0 else 0.0
        left_s = max(0.0, self.total - self.done) / rate if rate > 0 else 0.0
        share = min(1.0, self.done / self.total) if self.total else 1.0
        line = (f"{self.label} {share:4.0%}  {self.done:,.0f}/{self.total:,.0f} {self.unit}  {rate:,.1f}/s  "
                f"{left_s:,.0f} s left  {self.note}").rstrip()
        self.out.write(f"\r{line[:110]:<110}" if self._live else f"{line}\n")
        self.out.flush()
