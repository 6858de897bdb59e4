"""`makar eval`: measures a model on a file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makar.cli._words import RUNTIME, add_runtime_options

if TYPE_CHECKING:
    from makar.evaluate.measure import Figure, Measure, Result
    from makar.methods.autoregress import Runtime

SUMMARIES = {
    "perplexity": "surprise per token and bits per byte on a text file",
    "hellaswag": "which of four endings is likeliest (JSON lines: context, endings, label)",
    "humaneval": "functions that pass their tests (JSON lines: task_id, prompt, entry_point, test)",
    "marks": "how surely works are recognised by their marks (the control: a .txt file or a tar of them, which people "
             "wrote; with --kind image a tar of pictures), and with --kind code, on HumanEval's file, what marks cost",
    "avatars": "attributes of real avatars that were held out, painted again (the file of its training)",
    "image": "concepts drawn in styles they were never shown in, against real pictures (the pack of its training)",
}
_WITH_PAGE = ("marks", "image")


def add(commands: argparse._SubParsersAction) -> None:
    """Adds the group to the command line."""
    group = commands.add_parser("eval", help="measure a model on a file, with intervals")
    measures = group.add_subparsers(title="measures", metavar="MEASURE", required=True)
    for name, summary in SUMMARIES.items():
        parser = measures.add_parser(name, help=summary, description=f"{name}: {summary}")
        parser.add_argument("--model", help="a model of 'makar models list' (default: the one for this machine)")
        if name == "marks":
            parser.add_argument("--kind", choices=("text", "image", "code"), default="text",
                                help="whose marks (default: text); code: what they cost in right functions")
        if name in _WITH_PAGE:
            parser.add_argument("--html", type=Path, metavar="FILE", help="write the curves as a page there")
        parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="what to measure on")
        parser.add_argument("--limit", type=int, metavar="N", help="the first N items only")
        parser.add_argument("-o", "--output", type=Path, metavar="JSON", help="write the result there too")
        if name not in ("avatars", "image"):
            add_runtime_options(parser)
        parser.set_defaults(run=run, measure=name)


def run(args: argparse.Namespace) -> int:
    """Measures, stamps the result in the ledger, writes it where asked, prints a table."""
    from makar.evaluate.evaluation import Evaluation, evaluate, finish, stamp
    from makar.evaluate.measure import Item
    from makar.kit.config import to_json
    from makar.kit.files import atomic_write
    from makar.kit.progress import Progress
    from makar.ledger import open_ledger

    measure, model = _measured(args)
    evaluation = Evaluation(measure, model, _data(args.data), args.limit)
    with Progress(args.measure, len(evaluation.tasks), "items") as progress:
        def show(item: Item, num_tasks: int) -> None:
            progress.advance(1, note=item.key)

        result, items = evaluate(evaluation, show)
    with open_ledger() as ledger:
        stamped = stamp(result, items, ledger)
    finish(evaluation)
    if args.output is not None:
        atomic_write(args.output, json.dumps({**to_json(result), "ledger": stamped.id}, indent=2) + "\n")
    if measure.page is not None and args.html is not None:
        atomic_write(args.html, measure.page(result, items))
    print(table(result, stamped.id))
    return 0


def _measured(args: argparse.Namespace) -> tuple[Measure, Any]:
    """The measure, and the model that it is asked of."""
    from makar.generate.load import load
    from makar.kit import plugins
    from makar.room import room
    from makar.verbs.image.options import default_model

    kind = getattr(args, "kind", "text")
    if kind == "image":
        from makar.evaluate import picture_marks

        return picture_marks.MEASURE, picture_marks.Detector()
    name = "marked_code" if kind == "code" else args.measure
    measure: Measure = plugins.load("makar.evaluate", name, "MEASURE")
    asked = room(measure.room)
    runtime = None if asked.usual is None else _runtime(args)
    return measure, load(asked, args.model or (default_model() if measure.room == "image" else None), runtime)


def _data(path: Path) -> Path:
    """The file to measure on; a pack of pictures is a folder."""
    return path / "pack.json" if (path / "pack.json").is_file() else path


def _runtime(args: argparse.Namespace) -> Runtime:
    from makar.methods.autoregress import Runtime

    return Runtime(**{name: getattr(args, name) for name in RUNTIME if getattr(args, name) is not None})


def table(result: Result, stamp_id: str) -> str:
    """The result for a terminal."""
    limit = result.data["limit"]
    part = f", first {limit} items" if limit else ""
    lines = [f"{result.measure}  {result.model['name']} ({result.model['sha256'][:12]})  "
             f"{result.data['name']} ({result.data['sha256'][:12]}{part})"]
    width = max(len(figure.name) for figure in result.figures)
    for figure in result.figures:
        low, high = number(figure, figure.interval.low), number(figure, figure.interval.high)
        lines.append(f"  {figure.name:<{width}}  {number(figure, figure.value):>8}   "
                     f"{figure.interval.level_frac:.0%} interval {low} to {high}")
    lines.append(f"  {result.num_items:,} items in {result.seconds:,.1f} s, ledger {stamp_id[:12]}")
    return "\n".join(lines)


def number(figure: Figure, value: float) -> str:
    """A share as a percentage, anything else with four digits."""
    return f"{value:.1%}" if figure.share else f"{value:,.4g}"
