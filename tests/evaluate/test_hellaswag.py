"""HellaSwag: the two rules, the tokens that count, and data that cannot be used."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from makar.evaluate import hellaswag
from makar.kit.errors import BadInput

ENDINGS = ["aaaa", "b", "bb", "ccc"]


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def row(label: int = 0) -> dict[str, Any]:
    return {"context": "A man", "endings": ENDINGS, "label": label}


def test_only_the_ending_counts_and_length_is_made_up_for(tmp_path: Path, scripted: Any) -> None:
    # Per character `a` is the likeliest; in sum the shortest ending is, although it is the unlikeliest per character.
    chance = {ord("a"): 0.5, ord("b"): 0.2, ord("c"): 0.3, ord(" "): 0.5}
    model = scripted(lambda token: chance.get(token, 1e-9))
    path = write(tmp_path / "data.jsonl", row(0), row(1))
    first, second = hellaswag.run(model, hellaswag.tasks(model, path))
    expected = [math.log(0.5) + math.log(chance[ord(ending[0])]) * len(ending) for ending in ENDINGS]
    assert first.outcome["log_probs"] == pytest.approx(expected, abs=1e-4)
    assert (first.outcome["acc_norm"], first.outcome["acc"]) == (True, False)
    assert (second.outcome["acc_norm"], second.outcome["acc"]) == (False, True)
    quoted, other = hellaswag.figures([first, second])
    assert (quoted.name, quoted.value, other.name, other.value) == ("acc_norm", 0.5, "acc", 0.5)


def test_a_long_context_is_cut_at_its_start(scripted: Any) -> None:
    model = scripted(context_tok=16)
    found = hellaswag.likelihoods(model, "x" * 100, ["end", "ending"])
    assert found == pytest.approx([4 * math.log(1 / 256), 7 * math.log(1 / 256)])
    assert model.asked == [tuple(b"xxxxxxxxx end"), tuple(b"xxxxxxxxx ending")]


def test_the_shared_context_changes_nothing(scripted: Any) -> None:
    from makar.methods.autoregress import LanguageModel

    model = LanguageModel.tiny()
    ids = model.tokenizer.encode("A man sits down. He is eating.")
    alone = float(model.score(ids)[-len(model.tokenizer.encode(" He is eating.")):].sum())
    shared = hellaswag.likelihoods(model, "A man sits down.", ["He is eating.", "A dog barks at the moon."])
    assert shared[0] == pytest.approx(alone, rel=1e-4)


def test_a_model_that_begins_its_texts_is_given_its_beginning(scripted: Any) -> None:
    model = scripted()
    model.card = replace(model.card, bos_id=7)
    hellaswag.likelihoods(model, "A", ["b"])
    assert model.asked == [(7, *b"A b")]


@pytest.mark.parametrize(("line", "complaint"), [
    ("{", r"line 3 is not JSON"),
    ("[1]", "line 3: expected an object, got list"),
    ({"context": "", "endings": ENDINGS, "label": 0}, "line 3: the context is empty"),
    ({"context": "x", "label": 0}, "line 3 has no 'endings'"),
    ({"context": "x", "endings": ENDINGS, "label": "0"}, "line 3: 'label' should be int, got str"),
    ({"context": "x", "endings": ENDINGS, "label": True}, "line 3: 'label' should be int, got bool"),
    ({"context": "x", "endings": ENDINGS[:3], "label": 0}, "line 3: expected 4 endings"),
    ({"context": "x", "endings": [*ENDINGS[:3], ""], "label": 0}, "line 3: expected 4 endings, none empty"),
    ({"context": "x", "endings": ENDINGS, "label": 4}, "line 3: the label is 4, expected 0 to 3"),
])
def test_bad_data_is_named_by_its_line(line: Any, complaint: str, tmp_path: Path, scripted: Any) -> None:
    path = write(tmp_path / "data.jsonl", row(), "", line)
    with pytest.raises(BadInput, match=complaint):
        hellaswag.tasks(scripted(), path)


def test_an_empty_file_is_refused(tmp_path: Path, scripted: Any) -> None:
    with pytest.raises(BadInput, match="has no items"):
        hellaswag.tasks(scripted(), write(tmp_path / "data.jsonl"))
