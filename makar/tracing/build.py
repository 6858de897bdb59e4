"""Building an index: a suffix array over the folded documents, kept only where tokens begin."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import psutil

from makar.kit.config import canonical
from makar.kit.errors import BadInput, OutOfRoom
from makar.kit.files import atomic_write, disk_errors, sha256_bytes, sha256_file
from makar.kit.home import home
from makar.tracing.fold import join
from makar.tracing.index import ABOUT, FORM, Index, look_of, open_index
from makar.tracing.origin import Document
from makar.tracing.suffixes import sorted_suffixes

SHARD_BYTES = 128 << 20
LEAST_SHARD_BYTES = 16 << 20  # every shard is looked in, so there should be few
LEAST_SHARDS = 4  # of what is large enough, so that several cores have work; never by how many cores there are
MEMORY_PER_BYTE = 16  # what building a shard takes
GENERATION = "generation-"
STALE_S = 86_400
MOST_SHARD_BYTES = 2**31 - 64


class Origin(Protocol):
    """Where documents come from: a folder or a corpus."""

    path: Path
    kind: str
    forgotten: frozenset[str]
    skipped: Counter[str]

    def documents(self) -> Iterator[Document]:
        """The documents, always in the same order."""

    def num_bytes(self) -> int:
        """About how much text they hold."""

    def root(self) -> str:
        """A name that changes with any byte of them."""

    def look(self) -> str:
        """A cheaper name that changes at least as often."""


@dataclass(frozen=True)
class BuildOptions:
    """How an index is built.

    name: what it is called in reports; by default the folder's name
    told: is told of each document that was read, for progress
    """

    name: str = ""
    shard_bytes: int = SHARD_BYTES
    told: Callable[[Document], None] | None = None


def indexes_folder() -> Path:
    """Where indexes are that were given no other place."""
    return home() / "indexes"


def usual_place(source: Path) -> Path:
    """Where the index of a folder or corpus is by default: one place for each source."""
    whole = str(source.resolve())
    return indexes_folder() / f"{Path(whole).name}-{sha256_bytes(whole.encode(errors='surrogateescape'))[:8]}"


def build_from(origin: Origin, out: Path | None = None, options: BuildOptions | None = None) -> Index:
    """Indexes every document of `origin` into the folder `out`; what was there serves until the new one is whole.

    Raises: BadInput (nothing to index; `out` is another kind of folder), OutOfRoom, NotHere
    """
    options = options or BuildOptions()
    name = options.name or origin.path.resolve().name
    look = origin.look()
    out = usual_place(origin.path) if out is None else out
    before = _index_there(out)
    generation = f"{GENERATION}{secrets.token_hex(6)}"
    folder = out / generation
    with disk_errors(out):
        folder.mkdir(parents=True)
    try:
        with disk_errors(folder):
            about = _write(origin, folder, options)
            about |= {"form": FORM, "name": name, "kind": origin.kind, "source": str(origin.path.resolve()),
                      "root": origin.root(), "look": look, "generation": generation,
                      "forgotten": sorted(origin.forgotten), "skipped": dict(origin.skipped),
                      "files": _hashes(sorted(folder.iterdir())),
                      "written": look_of(folder)}
        if origin.look() != look:
            raise BadInput(f"'{origin.path}' changed while it was being indexed; run the same command again")
        atomic_write(out / ABOUT, f"{json.dumps(about, indent=2, ensure_ascii=False)}\n")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _remove_old(out, generation, before)
    return open_index(out)


def _hashes(files: Sequence[Path]) -> dict[str, str]:
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as cores:  # hashing is C as well
        return {path.name: sha256 for path, sha256 in zip(files, cores.map(sha256_file, files), strict=True)}


def _remove_old(out: Path, kept: str, before: str) -> None:
    """The generation before, and what killed builds left half made a day ago or more."""
    for folder in out.glob(f"{GENERATION}*"):
        if folder.name == before or (folder.name != kept and time.time() - folder.stat().st_mtime > STALE_S):
            shutil.rmtree(folder, ignore_errors=True)


def _index_there(out: Path) -> str:
    """The generation of the index that is at `out` now, if one is.

    Raises: BadInput (a file, or a folder that holds other things)
    """
    if out.is_file():
        raise BadInput(f"'{out}' is a file; name a folder for the index")
    if not out.exists() or not any(out.iterdir()):
        return ""
    try:
        return str(json.loads((out / ABOUT).read_text("utf-8"))["generation"])
    except (OSError, ValueError, KeyError) as error:
        if any(not entry.name.startswith(GENERATION) for entry in out.iterdir()):
            raise BadInput(f"'{out}' holds other things than an index; name a new folder") from error
        return ""


def _write(origin: Origin, folder: Path, options: BuildOptions) -> dict[str, object]:
    """Writes every shard and the list of documents; returns what index.json says of them."""
    made, licences, codes = list[tuple[int, Future[dict[str, int]]]](), dict[str, int](), []
    even_bytes = max(LEAST_SHARD_BYTES, origin.num_bytes() * 51 // (50 * LEAST_SHARDS))  # separators come on top
    limit = min(options.shard_bytes, MOST_SHARD_BYTES, even_bytes)
    at_once = _at_once(limit)
    with (folder / "documents.jsonl").open("w", encoding="utf-8", errors="replace") as listed, \
            ThreadPoolExecutor(at_once) as cores:  # sorting is in C, and lets the other threads run
        lines = []
        for number, documents in enumerate(_shards(origin.documents(), limit)):
            for document in documents:
                lines.append(listed.tell())
                codes.append(licences.setdefault(document.licence, len(licences)))
                listed.write(f"{_about(document)}\n")
                if options.told is not None:
                    options.told(document)
            if number >= at_once:
                wait([made[number - at_once][1]])  # no more texts in memory than are worked at
            made.append((len(documents), cores.submit(_write_shard, folder / f"{number}",
                                                      [document.content for document in documents])))
    shards = [{"num_documents": num, **done.result()} for num, done in made]
    if not codes:
        left_out = ", ".join(f"{count:,} {why}" for why, count in sorted(origin.skipped.items()))
        raise BadInput(f"there is no text to index in '{origin.path}'{f': {left_out}' if left_out else ''}")
    np.array(lines, np.int64).tofile(folder / "lines")
    np.array(codes, np.int32).tofile(folder / "licences")
    return {"num_documents": len(codes), "num_bytes": sum(shard["num_bytes"] for shard in shards),
            "num_tok": sum(shard["num_tok"] for shard in shards), "licences": list(licences),
            "shards": shards}


def _at_once(shard_bytes: int) -> int:
    """How many shards are built at once: one on each core, as long as the memory is enough."""
    fitting = psutil.virtual_memory().available // (MEMORY_PER_BYTE * shard_bytes)
    return max(1, min(len(os.sched_getaffinity(0)), fitting))


def _about(document: Document) -> str:
    told = asdict(document)
    del told["content"]
    return canonical(told)


def _shards(documents: Iterable[Document], limit: int) -> Iterator[list[Document]]:
    """The documents in order, cut where the bytes so far are nearest to a multiple of `limit`."""
    batch, held, begun = list[Document](), 0, 0
    for document in documents:
        size = len(document.content.encode(errors="replace")) + 1
        if size > MOST_SHARD_BYTES:
            raise BadInput(f"the document '{document.id}' has {size:,} bytes; one can have {MOST_SHARD_BYTES:,}")
        if batch and (begun + held + size // 2 > limit * (1 + round(begun / limit)) or held + size > MOST_SHARD_BYTES):
            yield batch
            batch, held, begun = [], 0, begun + held
        batch.append(document)
        held += size
    if batch:
        yield batch


def _write_shard(stem: Path, texts: Sequence[str]) -> dict[str, int]:
    data, tokens, begins, jumps = join(texts)
    stem.with_suffix(".text").write_bytes(data)
    begins.astype("<i8").tofile(stem.with_suffix(".begins"))
    jumps.astype("<i8").tofile(stem.with_suffix(".jumps"))
    try:
        suffixes = sorted_suffixes(data, tokens)
    except MemoryError as error:
        raise OutOfRoom(f"indexing {len(data):,} bytes at once needs about {MEMORY_PER_BYTE * len(data):,} bytes of "
                        "memory; give a smaller shard_bytes") from error
    suffixes.tofile(stem.with_suffix(".suffixes"))
    return {"num_bytes": len(data), "num_tok": len(suffixes), "num_jumps": len(jumps)}
