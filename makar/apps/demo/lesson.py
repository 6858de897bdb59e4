"""A model that is trained in front of the reader, and its answer traced in what it was trained on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from makar import store
from makar.kit.errors import BadInput
from makar.kit.files import atomic_write, read_text
from makar.recipes.text import prose
from makar.tracing.index import Index
from makar.tracing.page import findings, parts
from makar.tracing.report import Trace, trace_in
from makar.tracing.shelf import build_index
from makar.train.config import Config, Data, Schedule, Watch
from makar.train.loop import Progress
from makar.train.prepare import prepare
from makar.train.run import open_session, watched
from makar.train.source import read_folders

NAME = "demo-lesson"
USUAL_S = 60.0
LEAST_TOK = 8


@dataclass(frozen=True)
class Lesson:
    """A model that was trained just now. `first`, `last`: what it came to; `curve`: its loss as SVG."""

    model: str
    index: Index
    first: Progress
    last: Progress
    curve: str
    num_pages: int

    @property
    def told(self) -> str:
        """What was learned, in a sentence."""
        held_out = self.last.validation_loss
        return (f"Trained for {self.last.seconds:.0f} s on {self.num_pages} pages of Python's own manual: "
                f"{self.last.step:,} steps, {self.last.num_tok:,} tokens, loss {self.first.loss:.2f} to "
                f"{self.last.loss:.2f}" + (f", {held_out:.2f} on pages kept out" if held_out else "")
                + f". It stays in the store as {self.model}: makar models remove {self.model}")


def lesson_s() -> float:
    """How long is learned: a minute, or `$MAKAR_DEMO_TRAIN_S`.

    Units: seconds
    Raises: BadInput
    """
    asked = os.environ.get("MAKAR_DEMO_TRAIN_S", "")
    try:
        found = float(asked or USUAL_S)
    except ValueError:
        found = 0.0
    if not 0 < found <= 3600:
        raise BadInput(f"MAKAR_DEMO_TRAIN_S: expected seconds above 0 and at most 3600, got '{asked}'")
    return found


def teach(folder: Path) -> Lesson:
    """Trains a small model on the manual that lies beside every Python, and adds it to the store.

    Raises: as `makar.train.loop.train`
    """
    pages, run = folder / "manual", folder / "lesson"
    for old in (pages, run, folder / "index"):
        shutil.rmtree(old, ignore_errors=True)
    num_pages = _write_manual(pages)
    prepared = prepare(run, config(), read_folders({pages: "PSF-2.0"}))
    steps = list(watched(prepared, open_session(prepared, minutes=lesson_s() / 60)))
    if any(entry.name == NAME for entry in store.listing()):
        store.remove(NAME)
    checkpoint = next(step.checkpoint for step in reversed(steps) if step.checkpoint is not None)
    store.add(checkpoint, NAME)
    return Lesson(NAME, build_index(pages, folder / "index", licence="PSF-2.0"), steps[0], steps[-1],
                  read_text(run / "loss.svg"), num_pages)


def config() -> Config:
    """The recipe text/prose, small enough for a minute."""
    return replace(prose.config(), size=3, compile=False, schedule=Schedule(num_steps=20_000, warmup_steps=20),
                   data=Data(vocab_size=1024, context_tok=128, validation_frac=0.05),
                   watch=Watch(validate_steps=50, validate_rows=32, sample_steps=100_000, sample_tok=40))


def _write_manual(folder: Path) -> int:
    from pydoc_data.topics import topics

    for name, text in topics.items():
        atomic_write(folder / f"{name}.txt", text)
    return len(topics)


def traced(text: str, lesson: Lesson) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What the trace says, and the text in parts, each with where it stands (empty: nowhere)."""
    found: Trace = trace_in([lesson.index], text, LEAST_TOK, edited=False)
    shown = findings(found)
    named = {one.number: f"{one.words}: {one.places[0].document}" for one in shown}
    return _statement(found), tuple((part.text, named.get(part.finding, "")) for part in parts(text, shown))


def _statement(found: Trace) -> str:
    pages: Sequence[str] = sorted({span.places[0].document for span in found.spans})
    if not pages:
        return f"Traced: nothing of {LEAST_TOK} words or more stands in those pages word for word."
    listed = ", ".join(pages[:5]) + (" and others" if len(pages) > 5 else "")
    return (f"Traced: {found.verbatim_frac:.0%} of it stands in those pages word for word, in runs of {LEAST_TOK} "
            f"words or more ({listed}).")
