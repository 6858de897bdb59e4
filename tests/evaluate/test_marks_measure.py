"""contract: `makar eval marks` counts what it says it counts, goes on where it stopped, and draws it."""

from __future__ import annotations

import itertools
import math
import tarfile
from pathlib import Path

import pytest

from makar.cli import main
from makar.evaluate.evaluation import Evaluation, evaluate
from makar.evaluate.marks import MEASURE, passages, writing
from makar.evaluate.marks.figures import figures, fitted
from makar.evaluate.measure import Item
from makar.kit.errors import BadInput
from makar.ledger import open_ledger
from makar.marks.key import current_key
from makar.methods.autoregress.tiny import build

PROSE = "The keeper of the light walked down to the shore and counted the boats that had come home. " * 30


def test_passages_overlap_by_half_and_do_not_cross_files(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.txt").write_text(f"{number}" * 450)
    (tmp_path / "no.bin").write_bytes(b"\0" * 900)
    with tarfile.open(tmp_path / "all.tar.xz", "w:xz") as archive:
        for name in ("0.txt", "1.txt", "no.bin"):
            archive.add(tmp_path / name, arcname=name)
    found = list(passages.passages(tmp_path / "all.tar.xz", build().tokenizer))
    assert found == ["0" * 200] * 3 + ["1" * 200] * 3
    (tmp_path / "short.txt").write_text("a" * 199)
    with pytest.raises(BadInput, match="no passage"):
        passages.blocks(tmp_path / "short.txt", build().tokenizer)


def test_edits_change_the_share_that_was_asked_for() -> None:
    ids = list(range(3000))
    out = writing.edited(ids, 0.3)
    kept = len(set(ids) & set(out)) / len(ids)
    assert out == writing.edited(ids, 0.3)
    assert writing.edited(ids, 0.0) == ids
    assert 0.25 < sum(a != b for a, b in zip(_aligned(ids, out), ids, strict=True)) / len(ids) < 0.35
    assert 0.75 < kept < 0.95


def _aligned(ids: list[int], out: list[int]) -> list[int]:
    """For each token itself if it is still followed by its neighbour or preceded by it, else -1."""
    pairs = set(itertools.pairwise(out))
    return [token if (token, token + 1) in pairs or (token - 1, token) in pairs else -1 for token in ids]


def test_a_fit_of_true_p_values_gives_the_threshold() -> None:
    num = 200_000
    uniform = [math.log10((rank + 0.5) / num) for rank in range(num // 10)]
    estimate, interval = fitted(uniform, num)
    assert estimate == pytest.approx(1e-4, rel=0.05)
    assert interval.low < 1e-4 < interval.high


def test_figures_of_known_outcomes() -> None:
    pair = [{"kind": kind, "seed": seed, "judged": [200.0 + seed + extra, 100]}
            for seed in range(5) for kind, extra in (("prose", math.log(1.1) * 100), ("plain", 0.0))]
    marked = [{"kind": "prose", "seed": 9, "by_length": {"200": p}, "by_edits": {"0.2": p}} for p in (1e-9, 1e-5, 0.3)]
    human = [{"kind": "human", "num": 1000, "log10_p": [-4.5, -2.1, -1.5]}]
    items = [Item(str(number), outcome) for number, outcome in enumerate(pair + marked + human)]
    found = {figure.name: figure for figure in figures(items)}
    assert found["false positives, 1,000 looks at human passages"].value == 0.001
    assert found["prose of 200 tokens found (3)"].value == pytest.approx(2 / 3)
    assert found["prose of 400 tokens, 20% edited (3)"].value == pytest.approx(2 / 3)
    ratio = found["perplexity marked / unmarked (5 pairs)"]
    assert ratio.value == pytest.approx(1.1) and ratio.interval.low <= 1.1 + 1e-9


def test_the_first_texts_are_a_fair_sample_of_all() -> None:
    asked = [task.content for task in writing.writings()]
    kinds = [one.kind for one in asked[:14]]
    assert (kinds.count("prose"), kinds.count("plain"), kinds.count("predictable")) == (8, 4, 2)
    prose = {(one.prompt, one.seed) for one in asked if one.kind == "prose"}
    assert len(prose) == writing.NUM_PROSE and len({task.key for task in writing.writings()}) == len(asked)
    assert all((one.prompt, one.seed) in prose for one in asked if one.kind == "plain")


def test_texts_are_written_once_and_a_line_cut_short_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_TOK", 20)
    model, key = build(), current_key()
    asked = [writing.Writing("prose", "Sing.", 1), writing.Writing("plain", "Sing.", 1)]
    texts = writing.texts(model, asked, key)
    path = writing.shelf(model, key)
    assert len(path.read_text().split("\n")) == 3
    assert writing.texts(model, asked, key) == texts
    assert len(path.read_text().split("\n")) == 3
    path.write_text(path.read_text()[:-9])
    assert writing.texts(model, asked, key) == texts
    assert writing.texts(model, asked[::-1], key) == texts[::-1]


def test_measured_stamped_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(writing, "MOST_TOK", 60)
    data = tmp_path / "human.txt"
    data.write_text(PROSE)
    monkeypatch.setattr(writing, "NUM_PROSE", 1)
    result, items = evaluate(Evaluation(MEASURE, build(), data))
    assert [item.outcome["kind"] for item in items] == ["human", "prose", "plain", "predictable"]
    assert result.num_items == 4 and items[2].outcome["others"][0] == writing.LOOKS
    assert items[0].outcome["num"] == passages.LOOKS * ((len(PROSE) - 200) // 100 + 1)
    assert main(["eval", "marks", "--model", "tiny", "--data", str(data), "--limit", "2",
                 "--html", str(tmp_path / "page.html")]) == 0
    assert "false positives" in capsys.readouterr().out
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") >= 1 and "makar-text/2" in page
    with open_ledger() as ledger:
        assert [stamp.body["measure"] for stamp in ledger.stamps("evaluation")] == ["marks"]
