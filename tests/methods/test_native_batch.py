"""On the native engine a request gives the same bytes alone, together, cached, speculated upon or not."""

from __future__ import annotations

import dataclasses
import random
from types import SimpleNamespace

import pytest
import torch

from makar.kit.errors import BadInput, OutOfRoom, UnknownName
from makar.marks.key import current_key
from makar.methods.autoregress import Constraint, Job, LanguageModel, Runtime, Sampling
from makar.methods.autoregress.batch import NATIVE_PART_TOK
from makar.methods.autoregress.prefix import CHUNK_TOK, NATIVE_CHUNK_TOK, PrefixStore
from makar.native.engine import Engine, Options
from makar.native.weights import pack_state


def native(cache: str = "bfloat16", num_threads: int | None = None) -> LanguageModel:
    tiny = LanguageModel.tiny()
    engine = Engine(tiny.net.config, pack_state(tiny.net.config, tiny.net.state_dict(), 8),
                    Options(cache=cache, num_threads=num_threads))
    return LanguageModel(tiny.card, engine, tiny.tokenizer, tiny.chat)


@pytest.fixture(params=["bfloat16", "int8"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return native(request.param)


def job(model: LanguageModel, text: str, seed: int = 0, **changes: object) -> Job:
    settings = dataclasses.replace(Sampling(max_tok=20, temperature=1.0, top_p=1.0, seed=seed), **changes)
    return Job(tuple(model.tokenizer.encode(text)), settings)


def alone(model: LanguageModel, one: Job) -> str:
    return "".join(piece.text for piece in model.stream(one))


def together(model: LanguageModel, jobs: list[Job], exact: bool = False) -> list[str]:
    texts = [""] * len(jobs)
    for piece in model.run(jobs, exact=exact):
        texts[piece.index] += piece.text
    return texts


def copying(model: LanguageModel, number: int, **changes: object) -> Job:
    """A job whose text repeats itself: greedy at some seeds, drawn at others."""
    text = "".join(random.Random(number).choices("abcdef", k=6)) * (2 + number % 5)
    settings = {"temperature": (0.0, 0.3, 1.0)[number % 3], "repetition_penalty": 1.0, "max_tok": 12 + number % 9}
    return job(model, text, seed=number, **(settings | changes))


def test_any_company_gives_the_same_bytes_without_exact(model: LanguageModel) -> None:
    jobs = [copying(model, number) for number in range(20)]
    expected = [alone(model, one) for one in jobs]
    assert len(set(expected)) > 12
    assert together(model, jobs) == expected
    order = list(range(20))
    random.Random(3).shuffle(order)
    assert together(model, [jobs[number] for number in order], exact=True) == [expected[number] for number in order]


def test_speculation_changes_no_byte_and_no_log_probability(model: LanguageModel) -> None:
    digits, marked = Constraint("regex", "([0-9]{3}-){1,9}x"), {"mark": current_key().id}
    for number in range(12):
        for changes in ({}, {"logprobs": 3}, {"repetition_penalty": 1.3}, {"stop": ("ab", "f")}, marked):
            one = copying(model, number, **changes)
            for tried in (one, dataclasses.replace(one, constraint=digits)):
                model.speculate = True
                pieces = list(model.stream(tried))
                model.speculate = False
                assert list(model.stream(tried)) == pieces


def test_a_text_that_repeats_itself_takes_fewer_steps(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    real = Engine.forward_rows
    monkeypatch.setattr(Engine, "forward_rows",
                        lambda engine, tokens, *rest: (rows.append(len(tokens)), real(engine, tokens, *rest))[1])
    monkeypatch.setattr("makar.methods.autoregress.batch.RowCost.of", lambda *_: 0.05)
    cycle = dataclasses.replace(job(model, "abcabcabcabcabc", max_tok=60),
                                constraint=Constraint("regex", "(abc){30}"))
    assert alone(model, cycle) == "abc" * 20
    assert len(rows) < 30 and max(rows) > 4


@pytest.mark.parametrize("chunk_tok", [NATIVE_CHUNK_TOK, CHUNK_TOK])
def test_cut_and_kept_prompts_give_the_same_bytes(model: LanguageModel, chunk_tok: int) -> None:
    for length in (1, chunk_tok, chunk_tok + 1, NATIVE_PART_TOK, NATIVE_PART_TOK + chunk_tok + 3):
        one = job(model, "".join(random.Random(length).choices("abcdefgh ", k=length)), seed=length, max_tok=6)
        model.prefixes = PrefixStore(limit_bytes=0)
        first = alone(model, one)
        model.prefixes = PrefixStore(chunk_tok=chunk_tok)
        assert alone(model, one) == first
        assert len(model.prefixes.find(one.prompt_ids)) == (length - 1) // chunk_tok
        assert alone(model, one) == first


def test_threads_change_no_byte() -> None:
    texts = [alone(native(num_threads=threads), job(native(), "threads", seed=5)) for threads in (1, 2, 3)]
    assert len(set(texts)) == 1


def test_log_probabilities_are_exactly_those_that_scoring_gives(model: LanguageModel) -> None:
    one = copying(model, 1, logprobs=2, max_tok=15)
    entries = [entry for piece in model.stream(one) for entry in piece.logprobs]
    scored = model.score([*one.prompt_ids, *(entry["id"] for entry in entries)])[-len(entries):]
    assert torch.allclose(torch.tensor([entry["logprob"] for entry in entries]), scored, atol=1e-5)


def test_generation_ends_where_the_context_ends_with_drafts_too() -> None:
    model = native()
    one = job(model, "ab" * ((model.context_tok - 8) // 2), temperature=0, max_tok=500)
    pieces = list(model.stream(one))
    assert sum(piece.num_tok for piece in pieces) <= 8 and pieces[-1].finish in ("length", "stop")


def test_what_does_not_fit_into_memory_is_refused_with_both_numbers(
        model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("makar.methods.autoregress.batch.psutil.virtual_memory",
                        lambda: SimpleNamespace(available=1000))
    with pytest.raises(OutOfRoom, match=r"GB of memory, and 0\.00 GB are free.*--cache-bits 8"):
        alone(model, job(model, "no room"))


def test_an_8_bit_cache_takes_about_half() -> None:
    full, half = (native(form).net.new_cache().bytes_of(1, 1024) for form in ("bfloat16", "int8"))
    assert half < 0.65 * full


def test_a_runtime_refuses_what_it_does_not_know() -> None:
    with pytest.raises(UnknownName, match="native"):
        Runtime("nativ")
    with pytest.raises(BadInput, match="16 or 8"):
        Runtime(cache_bits=4)
    with pytest.raises(BadInput, match="plain"):
        Runtime("plain", cache_bits=8)
    with pytest.raises(BadInput, match="threads"):
        Runtime(threads=0)
