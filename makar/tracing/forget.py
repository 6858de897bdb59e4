"""Forgetting a document: out of the corpus, out of its index, and the checkpoints that saw it are named."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from makar.curation.corpus import KEPT, LEFT_OUT, MANIFEST, Account, Corpus, CorpusWriter, open_corpus
from makar.curation.datasheet import FOLDER as DATASHEET
from makar.curation.datasheet import write_datasheet
from makar.curation.record import Dropped, Record
from makar.curation.statistics import describe
from makar.kit.config import to_json
from makar.kit.errors import BadInput, UnknownName
from makar.kit.files import disk_errors
from makar.ledger import Ledger, Stamp
from makar.tracing.build import BuildOptions, build_from
from makar.tracing.index import ABOUT, Index, open_index
from makar.tracing.origin import CorpusOrigin, Folder
from makar.tracing.shelf import indexes, require_current

REASON = "forgotten"


@dataclass(frozen=True)
class Seen:
    """A checkpoint whose corpus held the document, or that was trained on from one. `stamp`: its id in the ledger."""

    stamp: str
    sha256: str
    recipe: str
    step: int
    folder: str
    corpus_root: str


@dataclass(frozen=True)
class Forgotten:
    """What was removed, and what is left.

    split: of the document; a checkpoint learns from `train` alone
    duplicates: documents that curation left out because they say the same; they are forgotten too
    checkpoints: those the ledger knows to have seen it; they keep what they learned
    left: a file of the user's that holds the document still
    """

    document: str
    source: str
    split: str
    corpus: str
    root_before: str
    root_after: str
    indexes: tuple[str, ...]
    checkpoints: tuple[Seen, ...]
    duplicates: tuple[str, ...] = ()
    left: str = ""


def forget(document: str, corpus: Path, ledger: Ledger) -> Forgotten:
    """Removes a document from the corpus in that folder and from every index of it, or from an index of plain files.

    Raises: NotHere, BadInput, UnknownName, Damaged, OutOfRoom
    """
    if (corpus / ABOUT).is_file():
        index = require_current(open_index(corpus))
        source = Path(index.about["source"])
        done = _from_corpus(document, source, ledger, [index]) if index.kind == "corpus" else _from_folder(
            document, index, ledger)
    elif (corpus / MANIFEST).is_file():
        done = _from_corpus(document, corpus, ledger, [])
    else:
        index = _index_of(corpus)
        done = _from_folder(document, index, ledger)
    ledger.append("forget", to_json(done))
    return done


def checkpoints_of(roots: frozenset[str], ledger: Ledger) -> tuple[Seen, ...]:
    """The checkpoints that were trained on a corpus of one of these roots, and those that went on from them."""
    found, weights = list[Seen](), set[str]()
    for stamp in ledger.stamps("checkpoint"):
        body = stamp.body
        if body.get("corpus_root") in roots or body.get("parent") in weights:
            found.append(_seen(stamp))
            weights.add(found[-1].sha256)
    return tuple(found)


def roots_before(root: str, parent: str, ledger: Ledger) -> frozenset[str]:
    """The root, and those the corpus had before documents were taken out of it."""
    before = {stamp.body["root_after"]: stamp.body["root_before"] for stamp in ledger.stamps("forget")}
    roots = {root, *([parent] if parent else [])}
    pending = list(roots)
    while pending:
        older = before.get(pending.pop())
        if older is not None and older not in roots:
            roots.add(older)
            pending.append(older)
    return frozenset(roots)


def _seen(stamp: Stamp) -> Seen:
    told = {name: str(stamp.body.get(name, "")) for name in ("sha256", "recipe", "folder", "corpus_root")}
    return Seen(stamp.id, step=int(stamp.body.get("step", 0)), **told)


def _index_of(folder: Path) -> Index:
    for index in indexes():
        if index.about["source"] == str(folder.resolve()) or index.name == str(folder):
            return require_current(index)
    raise UnknownName("corpus or index", str(folder), {index.name for index in indexes()})


def _from_folder(document: str, index: Index, ledger: Ledger) -> Forgotten:
    """The user's own file is not ours to delete; the index leaves it out from now on."""
    if document not in index.ids:
        raise UnknownName("document", document, index.ids)
    told = index.document(index.ids[document])
    source = Path(index.about["source"])
    if not source.exists():
        raise BadInput(f"the index '{index.name}' cannot be built without '{document}': its folder '{source}' is gone; "
                       f"delete the index: {index.path}")
    seen = checkpoints_of(roots_before(index.root, "", ledger), ledger)
    origin = Folder(source, forgotten=frozenset([*index.about["forgotten"], document]))
    new = build_from(origin, index.path, BuildOptions(index.name))
    return Forgotten(document, told["source"], told["split"], index.name, index.root, new.root, (str(index.path),),
                     seen, left=told["source"])


def _from_corpus(document: str, path: Path, ledger: Ledger, named: list[Index]) -> Forgotten:
    corpus = open_corpus(path)
    gone = _document(corpus, document)
    held = [index for index in indexes() if index.about["source"] == str(path.resolve())]
    places = {index.path.resolve() for index in [*held, *named]}
    roots = roots_before(corpus.root, corpus.manifest.account.parent, ledger)
    same = frozenset(one.id for one in corpus.dropped() if one.id != gone.id and _repeats(one, gone))
    after = _rewrite(corpus, same | {gone.id})
    for place in places:
        build_from(CorpusOrigin(path), place)
    file = gone.source.partition("#")[0]  # what follows tells the part of the file
    left = file if file and Path(file).is_file() else ""
    split = gone.split if isinstance(gone, Record) else "dropped"
    return Forgotten(gone.id, gone.source, split, corpus.name, corpus.root, after, tuple(sorted(map(str, places))),
                     checkpoints_of(roots, ledger) if isinstance(gone, Record) else (), tuple(sorted(same)), left)


def _document(corpus: Corpus, document: str) -> Record | Dropped:
    """The document of that id; one that curation left out is kept in the corpus too, and can be forgotten."""
    dropped = [one for one in corpus.find_dropped(document) if one.reason != REASON]
    return dropped[0] if len(dropped) == 1 and not any(corpus.find(document)) else corpus.record(document)


def _repeats(dropped: Dropped, gone: Record | Dropped) -> bool:
    """Whether it was left out for saying what the document says: the rule names the one that was kept."""
    return dropped.content == gone.content or (dropped.reason != REASON and gone.id in dropped.rule)


def _rewrite(corpus: Corpus, gone: frozenset[str]) -> str:
    """Puts a corpus without these documents in the place of this one; returns its root.

    What is said of them from now on is their ids. The datasheet, which counts them, is written anew.
    """
    path = corpus.path.resolve()
    with disk_errors(path), tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as near:
        new = Path(near) / "new"
        writer = CorpusWriter(new)
        for record in corpus.records():
            if record.id not in gone:
                writer.keep(record)
        for dropped in corpus.dropped():
            if dropped.id not in gone:
                writer.drop(dropped)
        for id in sorted(gone):
            writer.drop(Dropped(id, "", REASON, "taken out by makar forget", ""))
        root = writer.finish(_account(corpus, gone))
        if (path / DATASHEET).is_dir():
            rewritten = open_corpus(new, verify=False)
            write_datasheet(rewritten, describe(rewritten.records()))
        old = Path(near) / "old"
        path.rename(old)
        try:
            new.rename(path)
        except OSError:
            old.rename(path)
            raise
        _keep_others(old, path)
    return root


def _account(corpus: Corpus, gone: frozenset[str]) -> Account:
    """What the corpus says of itself, with the counts as they are now."""
    account = corpus.manifest.account
    counts = dict(account.counts)
    if counts:
        by_reason = Counter(dict(counts.get("dropped", {})))
        by_reason.subtract(one.reason for one in corpus.dropped() if one.id in gone)
        by_reason[REASON] += len(gone)
        counts["dropped"] = {reason: number for reason, number in sorted(by_reason.items()) if number}
        counts["kept"] = sum(1 for record in corpus.records() if record.id not in gone)
    return replace(account, counts=counts, parent=corpus.root)


def _keep_others(old: Path, new: Path) -> None:
    """What else lay in the corpus's folder, but not what could hold the document."""
    for entry in old.iterdir():
        if entry.name not in (KEPT, LEFT_OUT, MANIFEST, DATASHEET) and not (new / entry.name).exists():
            shutil.move(entry, new / entry.name)

