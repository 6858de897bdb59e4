"""`makar image`: draw from words, vary, edit and enlarge pictures, and list the styles."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makar.cli._words import output_path
from makar.kit.errors import BadInput, Stopped

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released
    from makar.provenance.work import Work

EXAMPLES = """examples:
  makar image "a red dragon" --style pixel -o dragon.png
  makar image "a cup of coffee" --n 9 -o coffee.png          (and a contact sheet, coffee-sheet.png)
  makar image "a sun" --svg -o sun.svg
  makar image vary dragon.png --strength 0.4 -o other.png
  makar image edit dragon.png "a green dragon" --mask head.png -o green.png
  makar image upscale dragon.png --style pixel -o large.png
  makar image styles
"""
TASKS = ("draw", "vary", "edit", "upscale", "styles")
SETTINGS = ("model", "style", "size", "n", "seed", "steps", "guidance", "solver", "tries", "background", "strength",
            "mark", "policy")
LONGEST_NAME = 48


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the group; what is no task is the prompt of a drawing."""
    from makar.cli import Parser

    group = commands.add_parser("image", help="draw icons, emoji and sprites from words; vary, edit, enlarge pictures",
                                description="Draws small pictures with transparent backgrounds; what leaves has been "
                                "checked, recorded, marked and signed. 'makar image PROMPT' is 'makar image draw "
                                "PROMPT'.", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    own = group
    assert isinstance(own, Parser)
    own.usual_task, own.tasks = "draw", TASKS
    tasks = group.add_subparsers(metavar="TASK", required=True, title="tasks")
    draw = _task(tasks, "draw", "draw from words", _draw)
    draw.add_argument("prompt", metavar="PROMPT", help="what the picture should show")
    draw.add_argument("--tries", type=int, metavar="N",
                      help="beginnings, of which the one that fits the words best is drawn on")
    vary = _task(tasks, "vary", "another picture like one that is given", _vary)
    edit = _task(tasks, "edit", "change a picture by words", _edit)
    upscale = _task(tasks, "upscale", "the same picture, larger", _upscale)
    for parser in (vary, edit, upscale):
        parser.add_argument("picture", metavar="IN", type=Path, help="a PNG, JPEG, WebP, GIF, BMP, TIFF or ICO")
    edit.add_argument("prompt", metavar="PROMPT", help="what the picture should show")
    edit.add_argument("--mask", metavar="M", type=Path, help="a picture of the same size, white where it may change")
    for parser in (vary, edit):
        parser.add_argument("--strength", type=float, metavar="X", help="how much may change, from 0 to 1")
    for parser in (draw, vary, edit):
        _add_drawing_options(parser)
    group.epilog = f"{draw.format_usage()}\n{EXAMPLES}"
    known = tasks.add_parser("styles", help="the styles that a model knows", description="Lists the styles.")
    known.add_argument("--model", metavar="NAME", help="whose styles")
    known.set_defaults(run=run_styles)


def _task(tasks: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str,
          begin: Callable[[argparse.Namespace, dict[str, Any], Ledger], Work]) -> argparse.ArgumentParser:
    parser = tasks.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    option = parser.add_argument
    option("-o", "--output", metavar="FILE", type=Path, help="where to write it; the suffix says what is written: "
           ".png, .webp, .jpg, .svg, .ico (without it, a PNG named after what was asked)")
    option("--style", metavar="NAME", help="see 'makar image styles'; pixel keeps pixels as squares")
    option("--size", type=int, metavar="PX", help="the side: 32, 64, 128, 256 or 512 px")
    option("--background", metavar="COLOUR", help="white, navy, #rrggbb; transparent where it is not given")
    option("--svg", action="store_true", help="a drawing of shapes that scales, in place of pixels")
    option("--policy", metavar="NAME", help="what to do about failed checks: default, strict, or a TOML file")
    option("--no-mark", dest="mark", action="store_false", default=None, help="leave out the imperceptible mark")
    option("--no-sign", dest="sign", action="store_false", default=None, help="write the file without a signature")
    option("--record", action="store_true", help="write FILE.record.json too")
    parser.set_defaults(run=run, begin=begin, n=None, picture=None, prompt="")
    return parser


def _add_drawing_options(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("--n", type=int, metavar="N", help="how many, with the seeds S, S+1, ... and a contact sheet of all")
    option("--model", metavar="NAME", help="a model of 'makar models list', or tiny (random weights, no download)")
    option("--seed", type=int, metavar="S", help="the same seed gives the same picture; it is recorded in any case")
    option("--steps", type=int, metavar="N", help="looks at the picture while it is drawn; 4 is the quickest of use")
    option("--guidance", type=float, metavar="G", help="how closely to follow the words (1: not at all)")
    option("--solver", metavar="NAME", help="euler or heun")


def run(args: argparse.Namespace) -> int:
    """Draws, and writes what was released."""
    # Before NumPy loads BLAS: one picture gains nothing from a second thread, and threads that wait take time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from makar.ledger import open_ledger
    from makar.verbs.image.options import form_of

    num = 1 if args.n is None else args.n
    output = _output(args)
    form = form_of(output.suffix)
    if args.svg and form != "svg":
        raise BadInput(f"--svg writes a drawing, and '{output.name}' names a {form.upper()} file; name it "
                       f"{output.stem}.svg")
    targets = _targets(output, num)
    settings = {name: value for name in SETTINGS if (value := getattr(args, name, None)) is not None}
    with open_ledger() as ledger:
        work = args.begin(args, {**settings, "form": form}, ledger)
        _tell_known(work)
        released = work.release()
        works = released if isinstance(released, list) else [released]
        _save(work, works, targets, args)
        if num > 1 and works:
            _save_sheet(works, output.with_name(f"{output.stem}-sheet.png"), args, ledger)
    return 0


def run_styles(args: argparse.Namespace) -> int:
    """Prints the styles, and the sources whose look can be asked for as well."""
    from makar.verbs.image import styles

    families, sources = styles(args.model)
    print("\n".join(families) if families else "this model knows no styles")
    if sources:
        print(f"\nand the look of a source: {', '.join(sources)}", file=sys.stderr)
    return 0


def _draw(args: argparse.Namespace, settings: dict[str, Any], ledger: Ledger) -> Work:
    from makar.verbs.image import begin, options_of

    return begin(args.prompt, options_of(settings), ledger=ledger)


def _vary(args: argparse.Namespace, settings: dict[str, Any], ledger: Ledger) -> Work:
    from makar.verbs.image import VARY_STRENGTH, begin_vary, options_of

    return begin_vary(args.picture, options_of({"strength": VARY_STRENGTH, **settings}), ledger=ledger)


def _edit(args: argparse.Namespace, settings: dict[str, Any], ledger: Ledger) -> Work:
    from makar.verbs.image import begin_edit, options_of

    return begin_edit(args.picture, args.prompt, options_of(settings), mask=args.mask, ledger=ledger)


def _upscale(args: argparse.Namespace, settings: dict[str, Any], ledger: Ledger) -> Work:
    from makar.verbs.image import begin_upscale, options_of

    return begin_upscale(args.picture, options_of({"size": 0, **settings}), ledger=ledger)


def _output(args: argparse.Namespace) -> Path:
    """Where it goes; without -o a file in this folder that is not there yet, named after what was asked."""
    if args.output is not None:
        if not args.output.suffix and not args.output.is_dir():
            raise BadInput(f"'{args.output}' has no suffix, which says what is written: .png, .webp, .jpg, .svg, .ico")
        return output_path(args.output)
    words = args.prompt if args.picture is None else f"{args.picture.stem} {args.begin.__name__.strip('_')}"
    name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:LONGEST_NAME].strip("-") or "picture"
    suffix, number = ".svg" if args.svg else ".png", 1
    while (path := Path(f"{name}{f'-{number}' if number > 1 else ''}{suffix}")).exists():
        number += 1
    return output_path(path)


def _targets(output: Path, num: int) -> list[Path]:
    """One file per picture: FILE, or FILE-1, FILE-2, ... before the suffix."""
    if num <= 1:
        return [output]
    return [output_path(output.with_name(f"{output.stem}-{number}{output.suffix}")) for number in range(1, num + 1)]


def _save(work: Work, works: Sequence[Released], targets: Sequence[Path], args: argparse.Namespace) -> None:
    outcomes = work.outcomes or []
    for number, (outcome, target) in enumerate(zip(outcomes, targets, strict=True), 1):
        if isinstance(outcome, Stopped):
            print(f"makar: picture {number} of {len(outcomes)} is missing: {outcome}", file=sys.stderr)
            continue
        outcome.save(target, record=args.record, sign=args.sign, parents=[args.picture] if args.picture else [])
        print(f"{target}  (makar ledger show {outcome.id[:12]}){_noted(outcome.record)}", file=sys.stderr)


def _noted(record: dict[str, Any]) -> str:
    """What a check found and the policy let through with a note."""
    noted = [verdict["reason"] for verdict in record["verdicts"]
             if not verdict["passed"] and verdict["check"] != "prompt_known"]
    return "".join(f"\n  noted: {reason}" for reason in noted)


def _save_sheet(works: Sequence[Released], target: Path, args: argparse.Namespace, ledger: Ledger) -> None:
    from makar.verbs.image import contact_sheet

    made = contact_sheet(works, policy=args.policy or "default", ledger=ledger)
    made.save(output_path(target), record=args.record, sign=args.sign)
    print(f"{target}  (all {len(works)}; makar ledger show {made.id[:12]})", file=sys.stderr)


def _tell_known(work: Work) -> None:
    """Before the picture: whether the model knows what was asked, and what it knows that is near."""
    nearness = work.asked.get("nearness")
    if nearness is None:
        return
    concepts = ", ".join(nearness["concepts"])
    if nearness.get("unknown"):
        print(f"words that mean nothing to this model: {', '.join(nearness['unknown'])}", file=sys.stderr)
    if nearness["score_frac"] < nearness["least_frac"]:
        print(f"this model was shown little like that (confidence {nearness['score_frac']:.2f}; "
              f"{nearness['least_frac']:.2f} is usual for what it knows); it does know: {concepts}", file=sys.stderr)
    else:
        print(f"nearest of what the model knows: {concepts} (confidence {nearness['score_frac']:.2f})", file=sys.stderr)
