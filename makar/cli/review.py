"""`makar review`: a person decides on the works that were held."""

from __future__ import annotations

import argparse
import getpass
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli._words import add_signing_options, output_path
from makar.cli.ledger import printable
from makar.kit.errors import BadInput
from makar.kit.files import atomic_write, read_text

if TYPE_CHECKING:
    from makar.generate.artifact import Artifact
    from makar.kit.content import Content
    from makar.provenance.released import Released
    from makar.provenance.review_queue import Kept


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command group."""
    group = commands.add_parser("review", help="decide on works that were held",
                                description="Works that the policy holds wait here for a person.")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    actions.add_parser("list", help="the works that wait, oldest first").set_defaults(run=run_list)
    show = actions.add_parser("show", help="a work, what was found in it, and what an approval would let out")
    show.add_argument("id", metavar="ID", help="the beginning of the work's id")
    show.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the work there too, to look at it; it "
                      "stays unreleased, and unsigned")
    show.set_defaults(run=run_show)
    for name, words, run in (("approve", "release it", run_approve), ("reject", "keep it in for good", run_reject),
                             ("edit", "replace it by your words, which are checked again", run_edit)):
        action = actions.add_parser(name, help=words)
        action.add_argument("id", metavar="ID", help="the beginning of the work's id")
        action.add_argument("--by", metavar="WHO", help="who decides (your user name)")
        action.add_argument("--why", metavar="WHY", required=True, help="the reason, kept in the ledger")
        action.set_defaults(run=run)
        if name != "reject":
            action.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the released work there")
            action.add_argument("--record", action="store_true", help="with -o: also write FILE.record.json")
            add_signing_options(action)
        if name == "edit":
            action.add_argument("--file", metavar="NEW", type=Path, help="the new text; else $EDITOR opens")


def run_list(args: argparse.Namespace) -> int:
    """Prints one line per work that waits."""
    from makar.ledger import open_ledger
    from makar.provenance.review_queue import pending

    with open_ledger() as ledger:
        works = pending(ledger)
    for work in works:
        print(printable(f"{work.id}  {work.at[:19]}  {work.case.artifact.room:<5} "
                        f"{'; '.join(work.case.decision.reasons)}  {_start(work.case.artifact)}")[:200])
    if not works:
        print("nothing waits for review")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Prints a work with the places that were found."""
    from makar.ledger import open_ledger
    from makar.provenance.review_queue import kept

    target = None if args.output is None else output_path(args.output)
    with open_ledger() as ledger:
        work = kept(ledger, args.id)
    if target is not None:
        atomic_write(target, work.case.artifact.data)
    print(printable("\n".join(_lines(work))))
    return 0


def run_approve(args: argparse.Namespace) -> int:
    """Releases a held work."""
    from makar.ledger import open_ledger
    from makar.provenance.review_queue import approve, kept

    target = _target(args)
    with open_ledger() as ledger:
        if target is None and isinstance(kept(ledger, args.id).case.artifact.content, bytes):
            raise BadInput("this work is a file; say where it may be written: -o FILE")
        released = approve(ledger, args.id, _who(args), args.why)
    return _hand_over(released, target, args)


def run_reject(args: argparse.Namespace) -> int:
    """Refuses a held work."""
    from makar.ledger import open_ledger
    from makar.provenance.review_queue import reject

    with open_ledger() as ledger:
        work = reject(ledger, args.id, _who(args), args.why)
    print(f"{work.id} rejected; it stays in the ledger")
    return 0


def run_edit(args: argparse.Namespace) -> int:
    """Puts a person's words in place of a work."""
    from makar.ledger import open_ledger
    from makar.provenance.review_queue import edit, kept

    target, who = _target(args), _who(args)
    with open_ledger() as ledger:
        work = kept(ledger, args.id)
        new = read_text(args.file) if args.file else _edited(work.case.artifact.text)
        released = edit(ledger, work.id, new, who, args.why)
    return _hand_over(released, target, args)


def _lines(work: Kept) -> list[str]:
    made, decision = work.case.artifact, work.case.decision
    lines = [f"{work.id}  {work.state}", f"made {work.at[:19]} in the {made.room} room by "
             f"{made.checkpoint.get('name')}, seed {made.seed}, {made.num_tok} tokens",
             f"decision: {decision.action} by {decision.by}: {decision.why}"]
    for verdict in work.case.verdicts:
        if not verdict.passed:
            lines.append(f"{verdict.check}: {verdict.reason}")
            lines += [f"  line {made.text.count(chr(10), 0, span.start) + 1}: {span.label}: "
                      f"{made.text[span.start:span.end][:80]!r}" for span in verdict.spans]
    lines += ["--- the work", _shown(made.content), "---"]
    if work.state == "held":
        if work.approved_content != made.content:
            lines += ["--- what an approval lets out", _shown(work.approved_content), "---"]
        lines.append(f"decide: makar review approve | reject | edit {work.id} --why REASON")
    return lines


def _start(made: Artifact) -> str:
    """The beginning of a work, in a few words."""
    if isinstance(made.content, bytes):
        return f"({made.media_type}, {len(made.content):,} bytes)"
    return f'"{" ".join(made.content.split())[:50]}"'


def _shown(content: Content) -> str:
    if isinstance(content, str):
        return content
    return f"{len(content):,} bytes that are no text; to look at them: makar review show ID -o FILE"


def _hand_over(released: Released, target: Path | None, args: argparse.Namespace) -> int:
    if target is None:
        print(released.text, end="" if released.text.endswith("\n") else "\n")
    else:
        released.save(target, record=args.record, sign=args.sign, embed=args.embed)
    print(f"released as {released.id}" + (f" in {target}" if target else ""), file=sys.stderr)
    return 0


def _target(args: argparse.Namespace) -> Path | None:
    if args.record and args.output is None:
        raise BadInput("--record needs -o FILE; without a file: makar ledger show ID")
    return None if args.output is None else output_path(args.output)


def _who(args: argparse.Namespace) -> str:
    """The person who was named, else the user of this machine.

    Raises: BadInput
    """
    if args.by is not None:
        return str(args.by)
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise BadInput("this machine has no user name to sign the review with; say who decides: --by WHO") from error


def _edited(content: str) -> str:
    """The text after the person closed the editor on it.

    Raises: BadInput
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise BadInput("no editor is named: set EDITOR, or give the new text with --file NEW")
    with tempfile.TemporaryDirectory(prefix="makar-") as folder:
        path = Path(folder) / "work.txt"
        path.write_bytes(content.encode())
        try:
            done = subprocess.run([*shlex.split(editor), str(path)], check=False)
        except (OSError, ValueError) as error:
            raise BadInput(f"the editor '{editor}' cannot be started: {error}; set EDITOR, or give --file") from error
        if done.returncode != 0:
            raise BadInput(f"the editor '{editor}' ended with {done.returncode}; the work is unchanged")
        return read_text(path)
