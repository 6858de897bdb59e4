"""Tokenizers rebuilt from GGUF metadata encode as the tokenizers they were taken from."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import convert_sources as sources
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Engine

from makar.codecs.bpe import Tokenizer
from makar.kit.errors import BadInput, Damaged
from makar.store.gguf_tokenizer import CONTROL, NORMAL, UNUSED, USER_DEFINED, merges_from_scores, read_vocabulary

CORPUS = ["it's the quick brown Fox, isn't IT? 12345 67 ½ ٣٤", "for i in range(10):\n\tprint(i)\r\n\r\n  # ok",
          "漢字かな 🤖 é e\u0301",
          "\u0645\u0631\u062d\u0628\u0627   \n\n\n  end"] * 30
_LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def _engine(pre: str) -> Engine:
    """A tokenizer put together with the library's own parts, by the published description of each kind."""
    engine = Engine(models.BPE(ignore_merges=pre == "llama-bpe"))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pre in ("gpt-2", "smollm"))
    if pre == "smollm":
        engine.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level])
    elif pre == "gpt-2":
        engine.pre_tokenizer = level
    else:
        digits = r"\p{N}{1,3}" if pre == "llama-bpe" else r"\p{N}"
        engine.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(_LETTERS + digits + _REST), "isolated"), level])
    if pre == "qwen2":
        engine.normalizer = normalizers.NFC()
    engine.decoder = decoders.ByteLevel()
    engine.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=sources.ALPHABET, show_progress=False,
        special_tokens=[AddedToken("<|im_end|>", special=True), AddedToken("<tool_call>", special=False)]))
    return engine


def _metadata(engine: Engine, pre: str) -> tuple[dict[str, Any], int]:
    model = json.loads(engine.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    types = [CONTROL if token == "<|im_end|>" else USER_DEFINED if token == "<tool_call>" else NORMAL
             for token in tokens]
    size = len(tokens) + 3
    return {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": pre,
            "tokenizer.ggml.tokens": [*tokens, *(f"[PAD{id}]" for id in range(len(tokens), size))],
            "tokenizer.ggml.token_type": types + [UNUSED] * 3,
            "tokenizer.ggml.merges": [" ".join(pair) for pair in model["merges"]]}, size


KINDS = ["gpt-2", "smollm", "qwen2", "deepseek-r1-qwen", "llama-bpe"]
ENGINES = {pre: _engine(pre) for pre in KINDS}
REBUILT = {pre: Tokenizer(json.dumps(read_vocabulary(*_metadata(ENGINES[pre], pre)[:1], "llama",
                                                     _metadata(ENGINES[pre], pre)[1]).tokenizer)) for pre in KINDS}
TEXT = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.binary(max_size=60).map(
    lambda data: data.decode("utf-8", "replace")), st.text("abeinrtIT'sSdmM 0123456789\n\r\t.,½٣漢é\u0301\u00a0\u2028",
                                                           max_size=60))


@pytest.mark.parametrize("pre", KINDS)
@settings(max_examples=300)
@given(text=TEXT)
def test_byte_level_kinds(pre: str, text: str) -> None:
    expected = ENGINES[pre].encode(text, add_special_tokens=False).ids
    assert REBUILT[pre].encode(text, special=True) == expected


@pytest.mark.parametrize("pre", KINDS)
def test_corners(pre: str) -> None:
    for text in ("", " " * 300, "\n" * 40, "a" * 500, "<|im_end|> x<tool_call>", "\x00\x01\x7f\x85", "1234567",
                 *CORPUS):
        expected = ENGINES[pre].encode(text, add_special_tokens=False).ids
        assert REBUILT[pre].encode(text, special=True) == expected
    assert "[PAD" not in b"".join(map(REBUILT[pre].bytes_of, range(REBUILT[pre].vocab_size))).decode("utf-8", "replace")


def _sentencepiece(pieces: dict[str, float], text: str) -> list[str]:
    """SentencePiece's own rule, plainly: again and again merge the best-scored pair, the leftmost of equals."""
    parts = list("▁" + text.replace(" ", "▁")) if text else []
    while True:
        found = [(-pieces[left + right], place) for place, (left, right) in enumerate(pairwise(parts))
                 if left + right in pieces]
        if not found:
            break
        place = min(found)[1]
        parts[place:place + 2] = [parts[place] + parts[place + 1]]
    return [byte for part in parts for byte in ([part] if part in pieces else [f"<0x{b:02X}>" for b in part.encode()])]


WORDS = ["▁▁", "▁t", "in", "er", "▁a", "he", "th", "▁th", "the", "▁the", "▁in", "an", "and", "▁and", "re", "▁re",
         "▁▁▁▁", "ther", "▁ther", "aa", "aaa", "aaaa", "éé"]
SCORES = {word: -1e9 if set(word) == {"▁"} else -float(rank) for rank, word in enumerate(WORDS)}
SCORES |= {letter: -1000.0 - rank for rank, letter in enumerate("▁abcdefghinrtéx")}
PIECES = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *SCORES]


def _llama_keys(**changes: Any) -> dict[str, Any]:
    types = [2, 3, 3, *[6] * 256, *[1] * len(SCORES)]
    return {"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": PIECES, "tokenizer.ggml.token_type": types,
            "tokenizer.ggml.scores": [0.0] * 259 + list(SCORES.values()), "tokenizer.ggml.bos_token_id": 1,
            "tokenizer.ggml.eos_token_id": 2} | changes


@settings(max_examples=400)
@given(text=st.text("▁abcdefghinrtéx  zß漢🤖\n", max_size=40))
def test_sentencepiece_merges_by_score(text: str) -> None:
    vocabulary = read_vocabulary(_llama_keys(), "llama", len(PIECES))
    ids = Tokenizer(json.dumps(vocabulary.tokenizer)).encode(text)
    assert [PIECES[id] for id in ids] == _sentencepiece(SCORES, text)


def test_sentencepiece_ids_and_prefix() -> None:
    vocabulary = read_vocabulary(_llama_keys(), "llama", len(PIECES))
    assert (vocabulary.bos_id, vocabulary.add_bos, vocabulary.eos_ids) == (1, True, (2,))
    tokenizer = Tokenizer(json.dumps(vocabulary.tokenizer))
    assert tokenizer.decode(tokenizer.encode("the and  ß")) == "the and  ß"
    plain = read_vocabulary(_llama_keys(**{"tokenizer.ggml.add_space_prefix": False}), "llama", len(PIECES))
    assert [PIECES[id] for id in Tokenizer(json.dumps(plain.tokenizer)).encode("the")] == ["the"]


def test_merges_come_best_score_first() -> None:
    scores = {"a": -9.0, "b": -9.0, "ab": -1.0, "aba": -3.0, "ba": -2.0}
    merges = merges_from_scores(scores, {piece: id for id, piece in enumerate(scores)})
    assert merges == [("a", "b"), ("b", "a"), ("a", "ba"), ("ab", "a")]


def test_unnamed_pre_tokenizers_are_guessed_with_a_note() -> None:
    keys, size = _metadata(ENGINES["qwen2"], "default")
    assert read_vocabulary(keys, "qwen2", size).notes == (
        "the file names no pre-tokenizer; 'qwen2' was taken, as qwen2 models have",)
    assert "'gpt-2' was taken" in read_vocabulary(keys, "llama", size).notes[0]
    assert read_vocabulary(keys | {"tokenizer.ggml.pre": "qwen2"}, "qwen2", size).notes == ()


def test_ids_with_a_meaning() -> None:
    keys, size = _metadata(ENGINES["gpt-2"], "gpt-2")
    vocabulary = read_vocabulary(keys | {"tokenizer.ggml.eos_token_id": 300, "tokenizer.ggml.eot_token_id": 10**9,
                                         "tokenizer.ggml.fim_pre_token_id": 5, "tokenizer.ggml.fim_suf_token_id": 6,
                                         "tokenizer.ggml.fim_mid_token_id": 7}, "llama", size)
    end = keys["tokenizer.ggml.tokens"].index("<|im_end|>")
    assert vocabulary.eos_ids == (300, end) and vocabulary.bos_id is None and vocabulary.add_bos is False
    assert vocabulary.fim == {"prefix": 5, "suffix": 6, "middle": 7, "stop": [5, 6, 7]}
    assert read_vocabulary(keys, "llama", size).fim is None


@pytest.mark.parametrize(("changes", "error", "words"), [
    ({"tokenizer.ggml.scores": [1.0]}, Damaged, "score"),
    ({"tokenizer.ggml.token_type": [1]}, Damaged, "tokens for an embedding"),
    ({"tokenizer.ggml.tokens": PIECES[:-1] + PIECES[:1]}, Damaged, "same text"),
    ({"tokenizer.ggml.model": "bert"}, BadInput, "'bert'; Makar reads gpt2"),
    ({"tokenizer.ggml.tokens": [1] * len(PIECES)}, BadInput, "no tokenizer")])
def test_damaged_vocabularies(changes: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read_vocabulary(_llama_keys(**changes), "llama", len(PIECES))
