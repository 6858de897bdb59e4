"""Adapters: learned over a frozen base, served without merging, several over one base."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from makar import recipes, store
from makar.codecs.chat import Message
from makar.kit.errors import BadInput
from makar.methods.autoregress import Job, LanguageModel, Sampling
from makar.methods.autoregress.loss import Learner
from makar.methods.autoregress.prefer import preference_loss
from makar.nets.adapters import adapter_weights, attach, without_adapters
from makar.nets.rows import places
from makar.store import StoredModel
from makar.train.checkpoint import checkpoints
from makar.train.config import Adapt, Data
from makar.train.conversations import encode_conversation, read_lines
from makar.train.prepare import prepare, reopen
from makar.train.run import open_session, watched
from makar.train.source import open_source


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def fresh(tmp_path: Path) -> StoredModel:
    recipe = recipes.load("text/tiny")
    assert recipe.obtain is not None
    prepared = prepare(tmp_path / "base", recipe.config(), recipe.obtain(tmp_path / "base" / "source"))
    for _ in watched(prepared, open_session(prepared)):
        pass
    return store.add(tmp_path / "base", "fresh")


def adapted(tmp_path: Path, name: str, sentence: str) -> StoredModel:
    folder = tmp_path / f"{name}-texts"
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": f"{sentence} Number {n}."}) + "\n" for n in range(300)))
    config = recipes.load("lora").config()
    config = replace(config, adapt=Adapt("fresh", rank=4), data=Data(context_tok=48, validation_frac=0.1, whole=True),
                     schedule=replace(config.schedule, num_steps=30), optimise=replace(config.optimise, rate=2e-2),
                     batch=replace(config.batch, tokens=480))
    out = tmp_path / name
    prepared = prepare(out, config, open_source(folder, "CC0-1.0"))
    session = open_session(prepared)
    for _ in watched(prepared, session):
        pass
    assert session.validation["loss"] < session.validation["before"] - 0.5
    return store.add(out, name)


def says(model: LanguageModel, prompt: str) -> str:
    job = Job(tuple(model.render([Message("user", prompt)])), Sampling(max_tok=12, temperature=0.0,
                                                                       repetition_penalty=1.0))
    return "".join(piece.text for piece in model.run([job]))


def test_two_adapters_stand_over_one_model(tmp_path: Path, fresh: StoredModel) -> None:
    plain = LanguageModel.open(fresh)
    before = says(plain, "The cat")
    red, blue = (adapted(tmp_path, name, sentence) for name, sentence in (
        ("red", "The cat turned red as wine."), ("blue", "The cat swam in blue water.")))
    models = [LanguageModel.open(stored) for stored in (red, blue)]
    assert "red" in says(models[0], "The cat turned") and "blue" in says(models[1], "The cat swam in")
    assert says(plain, "The cat") == before == says(LanguageModel.open(fresh), "The cat")
    assert (red.folder / "weights.safetensors").stat().st_size < (fresh.folder / "weights.safetensors").stat().st_size
    for stored in (red, blue):
        facts = json.loads((stored.folder / "model.json").read_text())
        assert facts["base"]["sha256"] == fresh.sha256
        assert "fresh" in stored.training_data and stored.licence == "CC0-1.0"
        assert store.verify(stored.name, progress=False).ok
    with pytest.raises(BadInput, match="adapter itself"):
        prepare(tmp_path / "c", replace(recipes.load("lora").config(), adapt=Adapt("red"), data=Data(context_tok=48)),
                open_source(tmp_path / "red-texts"))


def test_an_adapter_is_resumed_to_the_bit(tmp_path: Path, fresh: StoredModel) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("A bird sings.\n\n" * 400)
    config = recipes.load("lora").config()
    config = replace(config, adapt=Adapt("fresh", rank=4), data=Data(context_tok=32, validation_frac=0.0),
                     schedule=replace(config.schedule, num_steps=6), batch=replace(config.batch, tokens=128),
                     watch=replace(config.watch, checkpoint_steps=3, sample_steps=6))
    found = []
    for name, breaks in (("one", False), ("two", True)):
        prepared = prepare(tmp_path / name, config, open_source(folder))
        for progress in watched(prepared, open_session(prepared)):
            if breaks and progress.step == 4:
                break
        if breaks:
            again = reopen(tmp_path / name)
            assert [progress.step for progress in watched(again, open_session(again, resume=True))] == [4, 5, 6]
        found.append((checkpoints(tmp_path / name)[-1] / "weights.safetensors").read_bytes())
    assert found[0] == found[1]


def test_an_adapter_does_nothing_before_it_has_learned() -> None:
    model = LanguageModel.tiny()
    ids = model.tokenizer.encode("Anything at all")
    before = model.score(ids)
    attach(model.net, 8, 2.0)
    assert torch.equal(model.score(ids), before)
    with torch.no_grad():
        for name, weight in adapter_weights(model.net).items():
            weight += 0.01 * (".b" in name)
    assert not torch.allclose(model.score(ids), before)


def test_only_answers_are_learned() -> None:
    model = LanguageModel.tiny()
    example = encode_conversation(model, [Message("user", "Two and two?"), Message("assistant", "Four."),
                                          Message("user", "And one?"), Message("assistant", "Five.")])
    assert example.learned is not None and len(example.learned) == len(example.ids)
    said = model.tokenizer.decode([id for id, learned in zip(example.ids, example.learned, strict=True) if learned])
    assert said in ("Four.<|end|>Five.<|end|>", "Five.<|end|>")
    whole = model.tokenizer.decode(example.ids)
    assert whole.startswith("<|turn|>user\nTwo and two?<|end|>\n<|turn|>assistant\nFour.<|end|>")


@pytest.mark.parametrize(("line", "messages"), [
    ('{"text": "Once."}', ()),
    ('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}', ("a", "b")),
    ('{"prompt": "a", "response": "b"}', ("a", "b")),
    ('{"instruction": "do", "input": "this", "output": "b"}', ("do\n\nthis", "b")),
])
def test_every_form_is_read(line: str, messages: tuple[str, ...]) -> None:
    found = next(read_lines(Path("x.jsonl"), [line]))
    assert tuple(message.content for message in found.messages) == messages
    assert found.text == ("\n\n".join(messages) or "Once.")


@pytest.mark.parametrize("line", ["{", "[]", '{"prompt": "a"}', '{"text": 3}', '{"messages": [{"role": "user"}]}'])
def test_a_line_of_another_form_is_named(line: str) -> None:
    with pytest.raises(BadInput, match="line 2"):
        list(read_lines(Path("x.jsonl"), ['{"text": "fine"}', line]))


def test_the_loss_of_a_pair_is_that_of_the_paper() -> None:
    model = LanguageModel.tiny()
    attach(model.net, 4, 2.0)
    with torch.no_grad():
        for name, weight in adapter_weights(model.net).items():
            weight += 0.02 * name.endswith(".b")
    chosen, rejected = model.tokenizer.encode("Yes, at once."), model.tokenizer.encode("No, not today")
    ids = torch.tensor([chosen, rejected])
    learner = Learner(model.net, places(model.net, 12, torch.device("cpu")), torch.float32)
    with torch.no_grad():
        found = preference_loss(learner, ids[:, :-1], ids[:, 1:], 0.3)
    now = [float(model.score(row).sum()) for row in (chosen, rejected)]
    with without_adapters(model.net):
        before = [float(model.score(row).sum()) for row in (chosen, rejected)]
    margin = (now[0] - before[0]) - (now[1] - before[1])
    assert abs(margin) > 0.01
    assert float(found) == pytest.approx(math.log(1 + math.exp(-0.3 * margin)), rel=1e-3)


def test_pairs_are_learned(tmp_path: Path, fresh: StoredModel) -> None:
    (fresh.folder / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }} {% endfor %}")
    folder = tmp_path / "pairs"
    folder.mkdir()
    rows = [{"prompt": f"Item {n}:", "chosen": "the cat sees.", "rejected": "a bird wakes."} for n in range(60)]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = recipes.load("prefer").config()
    config = replace(config, adapt=Adapt("fresh", rank=4), data=Data(context_tok=40, validation_frac=0.2, whole=True),
                     schedule=replace(config.schedule, num_steps=12), optimise=replace(config.optimise, rate=1e-2),
                     batch=replace(config.batch, tokens=320))
    prepared = prepare(tmp_path / "out", config, open_source(folder))
    session = open_session(prepared)
    assert session.validation["before"] == pytest.approx(math.log(2), abs=1e-5)
    losses = [progress.loss for progress in watched(prepared, session)]
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5) and losses[-1] < 0.4
    facts = json.loads((checkpoints(tmp_path / "out")[-1] / "model.json").read_text())
    assert facts["trained"]["validation_pairs_preferred_frac"] == 1.0
    (folder / "b.jsonl").write_text('{"prompt": "a", "response": "b"}\n')
    with pytest.raises(BadInput, match="expected a pair"):
        prepare(tmp_path / "other", config, open_source(folder))
