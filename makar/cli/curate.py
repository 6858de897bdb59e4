"""`makar curate`: files and folders become a corpus that can be named."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makar.kit.errors import BadInput

if TYPE_CHECKING:
    from makar.curation.config import CurateConfig
    from makar.curation.corpus import Corpus


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "curate", help="make a corpus of files and folders, every drop with its reason",
        description="Reads text, Markdown, HTML, JSON lines, CSV, Parquet and source trees; names each document's "
                    "licence and language, judges its quality, masks personal data, leaves out duplicates and parts of "
                    "evaluations. The same sources and settings give the same corpus.")
    parser.add_argument("sources", nargs="*", type=Path, metavar="SOURCE",
                        help="a file, a folder, or hub:ORG/NAME (Parquet needs the extra 'data')")
    parser.add_argument("-o", "--output", type=Path, metavar="CORPUS", help="the new folder to write")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
                        help="change a setting, as --set licence.stated=CC0-1.0 (can be given several times)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (all cores)")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--settings", action="store_true", dest="list_settings",
                        help="list every setting and its value")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Makes the corpus and prints what became of the sources."""
    from makar.kit.config import to_json
    from makar.kit.progress import Progress
    from makar.verbs.curate import curate

    config = configured(args.settings)
    if args.list_settings:
        for name, value in flat(to_json(config)):
            print(f"{name}={value}")
        return 0
    if not args.sources:
        raise BadInput("name at least one source: makar curate SOURCE... -o CORPUS")
    if args.output is None:
        raise BadInput("say where the corpus goes: makar curate SOURCE... -o CORPUS")
    with Progress("curate", 1.0, "MB") as bar:
        def show(done_bytes: int, all_bytes: int) -> None:
            bar.total = all_bytes / 1e6
            bar.advance(done_bytes / 1e6 - bar.done)

        corpus = curate(*args.sources, out=args.output, config=config, workers=args.workers, resume=args.resume,
                        progress=show)
    print(summary(corpus))
    return 0


def configured(settings: list[str]) -> CurateConfig:
    """The configuration with `KEY=VALUE` settings changed.

    Raises: BadInput, UnknownName
    """
    from makar.curation.config import CurateConfig
    from makar.kit.config import replace_at

    config = CurateConfig()
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise BadInput(f"--set {setting}: expected KEY=VALUE (makar curate --settings lists the keys)")
        config = replace_at(config, key.strip(), value)
    return config


def flat(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, value as it would be given) of every setting."""
    import json

    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value if isinstance(value, str) else json.dumps(value)


def summary(corpus: Corpus) -> str:
    """What became of what was read, for a terminal."""
    counts = corpus.counts
    lines = [f"{corpus.path}  root {corpus.root}",
             f"  {counts['kept']:,} kept of {counts['read']:,} documents read"]
    lines += [f"  {number:>10,}  dropped: {reason}" for reason, number in
              sorted(counts["dropped"].items(), key=lambda row: (-row[1], row[0]))]
    lines.append(f"  datasheet: {corpus.path / 'datasheet' / 'index.html'}")
    return "\n".join(lines)
