"""The whole way: the same bytes whatever the workers and the interruptions, and nothing lost without a reason."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from planted import edited

from makar.curation import Corpus, open_corpus
from makar.curation import plan as planning
from makar.curation.config import CurateConfig
from makar.curation.curate import curate
from makar.kit.config import replace_at
from makar.kit.errors import BadInput, NotHere, UnknownName

FEW_BYTES = 4_000  # a task, so that a small folder has several


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "TASK_BYTES", FEW_BYTES)


def bytes_of(corpus: Corpus) -> dict[str, str]:
    """Every file of a corpus with its hash."""
    return {str(path.relative_to(corpus.path)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(corpus.path.rglob("*")) if path.is_file()}


def with_settings(*settings: tuple[str, object]) -> CurateConfig:
    """The configuration with some settings changed."""
    config = CurateConfig()
    for key, value in settings:
        config = replace_at(config, key, value)
    return config


def test_one_worker_four_workers_and_a_resumed_run_give_the_same_bytes(sources: Path, tmp_path: Path) -> None:
    config = with_settings(("shard_bytes", 20_000))
    one = curate([sources], tmp_path / "one", config, 1)
    four = curate([sources], tmp_path / "four", config, 4)
    assert bytes_of(one) == bytes_of(four)
    assert len(one.manifest.records) > 1

    class Enough(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done > total / 3:
            raise Enough

    with pytest.raises(Enough):
        curate([sources], tmp_path / "third", config, 1, progress=stop)
    left = sorted((tmp_path / ".third.curating").glob("task-*"))
    assert left
    with pytest.raises(BadInput, match="--resume"):
        curate([sources], tmp_path / "third", config, 1)
    stamps = [path.stat().st_ino for path in left]
    done: list[Path] = []

    def note(amount: int, total: int) -> None:
        done[:] = left
        assert [path.stat().st_ino for path in left] == stamps  # done once, not again

    third = curate([sources], tmp_path / "third", config, 2, resume=True, progress=note)
    assert done
    assert bytes_of(third) == bytes_of(one)
    assert not (tmp_path / ".third.curating").exists()


def test_killed_and_resumed_is_the_same_as_never_killed(sources: Path, tmp_path: Path) -> None:
    for number in range(400):
        (sources / "books" / f"more{number:03d}.txt").write_text(
            (sources / "books" / "00.txt").read_text().replace("the", f"word{number}"))
    code = ("import sys; from makar.curation import plan; plan.TASK_BYTES = 4000\n"
            "from makar.curation.curate import curate; curate([sys.argv[1]], sys.argv[2], workers=2)")
    process = subprocess.Popen([sys.executable, "-c", code, str(sources), str(tmp_path / "killed")])
    spool = tmp_path / ".killed.curating"
    limit = time.monotonic() + 120
    while time.monotonic() < limit and process.poll() is None and len(list(spool.glob("task-*"))) < 3:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed").exists()
    killed = curate([sources], tmp_path / "killed", workers=1, resume=True)
    assert bytes_of(killed) == bytes_of(curate([sources], tmp_path / "whole", workers=1))


def test_where_the_sources_lie_does_not_matter(sources: Path, tmp_path: Path) -> None:
    first = curate([sources], tmp_path / "a", workers=1)
    moved = tmp_path / "elsewhere" / "sources"
    moved.parent.mkdir()
    sources.rename(moved)
    assert curate([moved], tmp_path / "b", workers=1).root == first.root


def test_every_document_is_kept_or_dropped_with_its_reason(sources: Path, tmp_path: Path) -> None:
    corpus = curate([sources], tmp_path / "c", workers=1)
    kept, dropped = list(corpus.records()), list(corpus.dropped())
    assert len(kept) + len(dropped) == corpus.counts["read"]
    assert corpus.counts["kept"] == len(kept) == len(corpus)
    assert {one.source: one.reason for one in dropped} == {
        "sources/books/again.txt": "exact_duplicate", "sources/books/nearly.txt": "near_duplicate",
        "sources/tree/LICENSE": "licence_file"}
    again = next(one for one in dropped if one.source.endswith("again.txt"))
    assert again.content == (sources / "books/03.txt").read_text()
    original = next(one for one in kept if one.source.endswith("03.txt"))
    assert original.id in again.rule
    assert all(hashlib.sha256(one.content.encode()).hexdigest() == one.sha256 for one in kept)
    licences = {one.source.split("#")[0]: one.licence for one in kept}
    assert licences["sources/tree/module0.py"] == "MIT"
    assert licences["sources/rows.jsonl"] == "CC-BY-4.0"
    assert licences["sources/books/00.txt"] == "unknown"
    assert {one.kind for one in kept if one.source.endswith(".py")} == {"code"}


def test_personal_data_is_masked_or_dropped(sources: Path, tmp_path: Path) -> None:
    address = "jane.doe@brightkettle.co.uk"
    masked = curate([sources / "notes.md"], tmp_path / "m", workers=1).at(0)
    assert address not in masked.content
    assert "Write to <email> today." in masked.content
    assert "personal_data:mask 1 x email" in masked.lineage
    dropping = curate([sources], tmp_path / "d", with_settings(("personal_data.action", "drop")), 1)
    one = next(dropping.dropped("personal_data"))
    assert one.source == "sources/notes.md"
    assert address not in one.content
    kept = curate([sources / "notes.md"], tmp_path / "k", with_settings(("personal_data.action", "keep")), 1)
    assert address in kept.at(0).content


def test_settings_decide(sources: Path, tmp_path: Path) -> None:
    config = with_settings(("licence.accept", "MIT,CC-BY-4.0"), ("splits.validation_frac", 0.5))
    corpus = curate([sources], tmp_path / "c", config, 1)
    assert {one.licence for one in corpus.records()} == {"MIT", "CC-BY-4.0"}
    assert {one.licence for one in corpus.dropped("licence")} == {"unknown"}
    assert 0 < corpus.num_records("validation") < len(corpus)
    stated = curate([sources], tmp_path / "s", with_settings(("licence.stated", "CC0-1.0")), 1)
    assert {one.licence for one in stated.records()} == {"MIT", "CC-BY-4.0", "CC0-1.0"}
    with pytest.raises(UnknownName, match="did you mean 'licence'"):
        with_settings(("license.accept", "MIT"))
    with pytest.raises(BadInput, match="add up"):
        with_settings(("splits.test_frac", 1.5))


def test_a_document_is_in_the_same_split_of_every_corpus(sources: Path, tmp_path: Path) -> None:
    config = with_settings(("splits.validation_frac", 0.3))
    whole = {one.sha256: one.split for one in curate([sources], tmp_path / "a", config, 1).records()}
    part = {one.sha256: one.split for one in curate([sources / "books"], tmp_path / "b", config, 1).records()}
    assert part
    assert all(whole[sha256] == split for sha256, split in part.items())


def test_parts_of_an_evaluation_are_kept_out(sources: Path, tmp_path: Path) -> None:
    leaked = " ".join((sources / "books/07.txt").read_text().split()[5:25]).upper()
    test = tmp_path / "exam.jsonl"
    test.write_text(json.dumps({"question": edited("unrelated words", 1), "answer": [leaked]}) + "\n")
    corpus = curate([sources], tmp_path / "c", with_settings(("contamination.sets", [str(test)])), 1)
    assert [one.source for one in corpus.dropped("contamination")] == ["sources/books/07.txt"]
    assert corpus.manifest.account.sets[0]["name"] == "exam"
    with pytest.raises(NotHere, match="no file"):
        curate([sources], tmp_path / "d", with_settings(("contamination.sets", ["absent.jsonl"])), 1)


def test_changed_sources_and_settings_are_not_mixed(sources: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curate([sources], tmp_path / "c", workers=1, progress=stop)
    with pytest.raises(BadInput, match="another configuration"):
        curate([sources], tmp_path / "c", with_settings(("language.least_prob", 0.6)), 1, resume=True)
    (sources / "books" / "00.txt").write_text("changed meanwhile")
    with pytest.raises(BadInput, match="sources changed"):
        curate([sources], tmp_path / "c", workers=1, resume=True)


def test_bad_targets_and_sources(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="no file or folder"):
        curate([tmp_path / "absent"], tmp_path / "c")
    with pytest.raises(BadInput, match="at least one source"):
        curate([], tmp_path / "c")
    with pytest.raises(BadInput, match="not empty"):
        curate([sources], sources)
    with pytest.raises(BadInput, match="workers"):
        curate([sources], tmp_path / "c", workers=0)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(BadInput, match="cannot read"):
        curate([loop], tmp_path / "c")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="nothing was kept"):
        curate([tmp_path / "empty"], tmp_path / "c")
    (tmp_path / "empty" / "short.txt").write_text("Too short.")
    with pytest.raises(BadInput, match=r"1 by quality.*gopher_words"):
        curate([tmp_path / "empty"], tmp_path / "c")
    assert not (tmp_path / ".c.curating").exists()


def test_the_corpus_may_lie_in_its_source(sources: Path, tmp_path: Path) -> None:
    inside = curate([sources], sources / "corpus", workers=1)
    outside_root = open_corpus(inside.path).root
    inside.path.rename(tmp_path / "moved")
    assert curate([sources], tmp_path / "again", workers=1).root == outside_root


def test_two_runs_do_not_share_a_folder(sources: Path, tmp_path: Path) -> None:
    def second(done: int, total: int) -> None:
        with pytest.raises(BadInput, match="another run"):
            curate([sources], tmp_path / "c", workers=1, resume=True)

    assert len(curate([sources], tmp_path / "c", workers=1, progress=second)) > 0


def test_a_worker_that_dies_is_reported_and_the_run_goes_on_later(sources: Path, tmp_path: Path) -> None:
    from makar.curation import pool
    from makar.kit.errors import OutOfRoom

    started = pool._started
    processes = []

    def watched(job: object) -> subprocess.Popen[str]:
        processes.append(started(job))  # type: ignore[arg-type]
        return processes[-1]

    def kill(done: int, total: int) -> None:
        for process in processes:
            process.kill()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_started", watched)
        with pytest.raises(OutOfRoom, match="--resume"):
            curate([sources], tmp_path / "c", workers=2, progress=kill)
    assert len(curate([sources], tmp_path / "c", workers=2, resume=True)) > 0
