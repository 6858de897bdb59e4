"""`makar forget`: takes a document out of a corpus and says who saw it."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("forget", help="take a document out of a corpus and its index", description="Removes "
                                 "a document and lists the checkpoints that learned from it.")
    parser.add_argument("document", metavar="DOC", help="its id (makar trace, makar corpus search), or its path in a "
                        "folder that is indexed")
    parser.add_argument("--corpus", required=True, metavar="C", help="the corpus, the index, or the indexed folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Removes it, and prints what is left of it."""
    from makar.verbs.trace import forget

    done = forget(args.document, args.corpus)
    print(f"{done.document} is out of {done.corpus}: root {done.root_before[:16]} became {done.root_after[:16]}")
    if done.duplicates:
        print(f"with it {len(done.duplicates)} that said the same and had been left out: {', '.join(done.duplicates)}")
    for path in done.indexes:
        print(f"index built again without it: {path}")
    if done.left:
        print(f"not ours to delete, still there: {done.left}")
    print(f"{len(done.checkpoints)} checkpoints saw it" + (", and keep what they learned:" if done.checkpoints else ""))
    for seen in done.checkpoints:
        print(f"  {seen.sha256[:16]}  {seen.recipe} step {seen.step:,}  corpus {seen.corpus_root[:16]}  {seen.folder}")
    return 0
