"""An evaluation goes on where it stopped, gives the same result, and is stamped with the hashes of model and data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from makar.cli import main
from makar.evaluate import MEASURES, hellaswag
from makar.evaluate.evaluation import Evaluation, evaluate, finish, stamp
from makar.evaluate.measure import Item, Measure, Task
from makar.kit import plugins
from makar.kit.errors import BadInput
from makar.ledger import open_ledger

ROW = {"context": "A man", "endings": ["aaaa", "b", "bb", "ccc"], "label": 0}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps({**ROW, "label": number % 4}) + "\n" for number in range(12)))
    return path


def stops_after(num_items: int) -> Measure:
    def run(model: Any, todo: Sequence[Task]) -> Iterator[Item]:
        for number, item in enumerate(hellaswag.run(model, todo)):
            if number == num_items:
                raise KeyboardInterrupt
            yield item

    return replace(hellaswag.MEASURE, run=run)


def test_every_measure_is_what_its_file_says() -> None:
    for name in MEASURES:
        assert plugins.load("makar.evaluate", name, "MEASURE").name == name


def test_an_interrupted_run_goes_on_and_ends_as_if_it_had_not_been(data: Path, scripted: Any) -> None:
    straight, _ = evaluate(Evaluation(hellaswag.MEASURE, scripted(), data))
    finish(Evaluation(hellaswag.MEASURE, scripted(), data))
    first = scripted()
    with pytest.raises(KeyboardInterrupt):
        evaluate(Evaluation(stops_after(5), first, data))
    second, told = scripted(), []
    evaluation = Evaluation(hellaswag.MEASURE, second, data)
    with evaluation.journal().open("a") as file:
        file.write('{"key": "5", "outc')  # what a kill leaves behind
    resumed, items = evaluate(evaluation, lambda item, num_tasks: told.append((item.key, num_tasks)))
    assert resumed.figures == straight.figures
    assert len(second.asked) == 7 * 4
    assert told == [(str(number), 12) for number in range(12)]
    assert [item.key for item in items] == [str(number) for number in range(12)]
    again, _ = evaluate(evaluation)
    assert again.figures == straight.figures
    assert len(second.asked) == 7 * 4
    finish(evaluation)
    evaluate(evaluation)
    assert len(second.asked) == (7 + 12) * 4


def test_other_data_or_weights_start_anew(data: Path, tmp_path: Path, scripted: Any) -> None:
    here = Evaluation(hellaswag.MEASURE, scripted(), data)
    other = tmp_path / "other.jsonl"
    other.write_bytes(data.read_bytes() + b"\n")
    assert len({here.journal(), replace(here, data=other).journal(),
                replace(here, model=scripted(sha256="cd" * 32)).journal()}) == 3
    assert replace(here, limit=3).journal() == here.journal()


def test_a_run_of_more_goes_on_where_one_of_the_first_items_ended(data: Path, scripted: Any) -> None:
    first, all_of_them = scripted(), scripted()
    few = Evaluation(hellaswag.MEASURE, first, data, limit=3)
    evaluate(few)
    finish(few)
    evaluate(Evaluation(hellaswag.MEASURE, all_of_them, data))
    assert (len(first.asked), len(all_of_them.asked)) == (3 * 4, 9 * 4)


def test_the_limit_takes_the_first_items(data: Path, scripted: Any) -> None:
    result, items = evaluate(Evaluation(hellaswag.MEASURE, scripted(), data, limit=3))
    assert [item.key for item in items] == ["0", "1", "2"]
    assert result.num_items == 3
    with pytest.raises(BadInput, match="limit is 0"):
        evaluate(Evaluation(hellaswag.MEASURE, scripted(), data, limit=0))


def test_the_stamp_names_model_and_data_by_hash(data: Path, scripted: Any) -> None:
    result, items = evaluate(Evaluation(hellaswag.MEASURE, scripted(), data))
    with open_ledger() as ledger:
        stamped = stamp(result, items, ledger)
        assert stamped.kind == "evaluation"
        assert stamped.body["data"]["sha256"] == hashlib.sha256(data.read_bytes()).hexdigest()
        assert stamped.body["model"]["sha256"] == "ab" * 32
        kept = ledger.content(stamped.body["items"]).decode().splitlines()
        assert [json.loads(line)["key"] for line in kept] == [item.key for item in items]
        assert ledger.verify().ok


def test_the_command_measures_stamps_writes_and_prints(data: Path, tmp_path: Path,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "result.json"
    assert main(["eval", "hellaswag", "--model", "tiny", "--data", str(data), "--limit", "4", "-o", str(output)]) == 0
    shown = capsys.readouterr().out
    written = json.loads(output.read_text())
    assert "acc_norm" in shown
    assert "4 items" in shown
    assert written["ledger"][:12] in shown
    assert written["num_items"] == 4
    with open_ledger() as ledger:
        assert ledger.get(written["ledger"]).body["figures"] == written["figures"]


def test_the_command_measures_perplexity_of_a_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "text.txt"
    path.write_text("The quick brown fox jumps over the lazy dog. " * 20)
    assert main(["eval", "perplexity", "--model", "tiny", "--data", str(path)]) == 0
    assert "bits per byte" in capsys.readouterr().out


def test_bad_data_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"context": 1}\n')
    assert main(["eval", "hellaswag", "--model", "tiny", "--data", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("makar: ")
    assert "line 1" in error
    assert error.count("\n") == 1
