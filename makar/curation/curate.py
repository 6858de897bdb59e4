"""Sources in, a corpus out: plan, tasks on all cores, duplicates, statistics, datasheet. What is done is never lost."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from makar.curation.config import CurateConfig
from makar.curation.contamination import evaluation_sets
from makar.curation.corpus import Account, Corpus, CorpusWriter, dropped_of, open_corpus
from makar.curation.datasheet import write_datasheet
from makar.curation.merge import merge
from makar.curation.plan import as_line, of_line, sources_of, tasks
from makar.curation.pool import Pool
from makar.curation.shards import Shard
from makar.curation.statistics import Statistics
from makar.curation.task import DROPPED, Job, folder_of
from makar.curation.worker import Order
from makar.kit.config import canonical, to_json
from makar.kit.errors import BadInput
from makar.kit.files import atomic_write, atomic_writer, disk_errors
from makar.kit.lock import alone_in

FORM = 1  # of the spool; another version of Makar begins anew
Progress = Callable[[int, int], None]
"""progress(bytes of the sources done, bytes of all)"""


def curate(sources: Sequence[str | Path], out: str | Path, config: CurateConfig | None = None,
           workers: int | None = None, *, resume: bool = False, progress: Progress | None = None) -> Corpus:
    """The corpus of the sources, written to the folder `out`. The same sources and configuration give the same bytes,
    whatever the number of workers and however often the work was interrupted.

    Raises: NotHere, BadInput, OutOfRoom
    """
    config = config or CurateConfig()
    evaluation_sets(config.contamination)  # a mistyped path is found before any work
    folder = Path(out).absolute()
    named = sources_of(sources)
    num_workers = _num_workers(workers)
    _check_target(folder)
    spool = folder.with_name(f".{folder.name}.curating")
    with _only_one(spool, resume):
        job = Job(named, config, spool)
        plan = _planned(job, folder, resume)
        with Pool(job, num_workers) as pool:
            num_tasks = _do_tasks(pool, plan, progress or (lambda done, total: None))
            made = spool / "corpus"
            _write(job, made, num_tasks)
            statistics = _described(pool, made, spool)
        write_datasheet(open_corpus(made, verify=False), statistics)
        with disk_errors(folder):
            made.rename(folder)
        shutil.rmtree(spool, ignore_errors=True)
    return open_corpus(folder, verify=False)


def _num_workers(workers: int | None) -> int:
    if workers is None:
        return len(os.sched_getaffinity(0))
    if workers < 1:
        raise BadInput(f"workers: expected 1 or more, got {workers}")
    return workers


def _check_target(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"'{folder}' is a file; name a folder that does not exist yet")
    if folder.is_dir() and any(folder.iterdir()):
        raise BadInput(f"'{folder}' is not empty; name a folder that does not exist yet, or remove it first")
    if folder.is_dir():
        folder.rmdir()


@contextmanager
def _only_one(spool: Path, resume: bool) -> Iterator[None]:
    """The spool folder, locked against a second run; left as it is when the work is interrupted.

    Raises: BadInput
    """
    if not resume and any(spool.glob("task-*")):
        raise BadInput(f"an interrupted run left its work in '{spool}'; add --resume to go on with it, "
                       f"or begin anew after: rm -r {spool}")
    with alone_in(spool):
        yield


def _planned(job: Job, folder: Path, resume: bool) -> Path:
    """The plan, made now; where work goes on it must be the one that was begun.

    Raises: BadInput
    """
    plan, begun = job.spool / "plan.jsonl", job.spool / "begun.json"
    identity = canonical({"form": FORM, "config": job.config, "sources": [source.label for source in job.sources],
                          "sets": [one.sha256 for one in evaluation_sets(job.config.contamination)]})
    new = plan.with_suffix(".new")
    with atomic_writer(new) as file:
        for task in tasks(job.sources, leave_out=(folder, job.spool)):
            file.write(as_line(task).encode() + b"\n")
    if begun.exists() and plan.exists():
        if begun.read_text() != identity:
            raise BadInput(f"the work in '{job.spool}' was begun with another configuration or other sources; give the "
                           f"same again, or begin anew after: rm -r {job.spool}")
        if plan.read_bytes() != new.read_bytes():
            raise BadInput(f"the sources changed since the work in '{job.spool}' was begun; begin anew after: "
                           f"rm -r {job.spool}")
    new.replace(plan)
    atomic_write(begun, identity)
    shutil.rmtree(job.spool / "corpus", ignore_errors=True)
    shutil.rmtree(job.spool / "statistics", ignore_errors=True)
    return plan


def _do_tasks(pool: Pool, plan: Path, progress: Progress) -> int:
    """Does every task of the plan; returns how many there are."""
    sizes: dict[int, int] = {}
    with plan.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            sizes[number] = sum(one.num_bytes if one.end is None else 0 for one in of_line(line)) or 1
    total = sum(sizes.values())
    done = 0

    def orders() -> Iterator[Order]:
        with plan.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                yield {"do": "task", "number": number, "entries": line}

    def finished(order: Order) -> None:
        nonlocal done
        done += sizes[order["number"]]
        progress(done, total)

    pool.run(orders(), finished)
    return len(sizes)


def _write(job: Job, made: Path, num_tasks: int) -> None:
    """The corpus without its datasheet. Raises: BadInput (nothing was kept)"""
    writer = CorpusWriter(made, shard_bytes=job.config.shard_bytes)
    try:
        counts = merge(job.spool, num_tasks, writer, job.config.duplicates)
    finally:
        writer.close()
    if not counts["kept"]:
        first = _first_drop(job.spool, num_tasks)
        # going on with it would end the same way
        shutil.rmtree(job.spool, ignore_errors=True)
        why = ", ".join(f"{number:,} by {reason}" for reason, number in counts["dropped"].items())
        raise BadInput(f"nothing was kept, so there is no corpus: {counts['read']:,} documents read"
                       f"{', dropped ' + why if why else ''}; {first}")
    writer.finish(Account(job.config.name, to_json(job.config), _sources(job), counts, sets=_sets(job)))


def _first_drop(spool: Path, num_tasks: int) -> str:
    for number in range(num_tasks):
        for raw in Shard(folder_of(spool, number), DROPPED).raws():
            first = dropped_of(raw)
            return f"the first, {first.source}: {first.rule}"
    return "name sources that hold text"


def _sources(job: Job) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = [{"name": source.label, "num_files": 0, "num_bytes": 0} for source in job.sources]
    with (job.spool / "plan.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            for entry in of_line(line):
                if entry.start == 0:
                    found[entry.source]["num_files"] += 1
                    found[entry.source]["num_bytes"] += entry.num_bytes
    return tuple(found)


def _sets(job: Job) -> tuple[dict[str, Any], ...]:
    return tuple({"name": one.name, "sha256": one.sha256, "num_texts": one.num_texts, "num_too_short": one.num_short,
                  "num_runs": sum(map(len, one.runs.values()))} for one in evaluation_sets(job.config.contamination))


def _described(pool: Pool, made: Path, spool: Path) -> Statistics:
    """The statistics of the corpus, counted shard by shard on all cores."""
    names = [shard.name for shard in open_corpus(made, verify=False).shards]
    outs = [spool / "statistics" / f"{name}.json" for name in names]
    pool.run(({"do": "describe", "number": number, "corpus": str(made), "shard": name, "out": str(out)}
              for number, (name, out) in enumerate(zip(names, outs, strict=True))), lambda order: None)
    statistics = Statistics()
    for out in outs:
        statistics.plus(json.loads(out.read_text()))
    return statistics
