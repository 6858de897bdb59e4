"""The tokenizer: exact to the byte, special tokens only when asked for, nothing split in a stream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Engine

from makar.codecs.bpe import Incremental, Tokenizer
from makar.kit.errors import BadInput, Damaged, NotHere

CORPUS = ["the quick brown fox jumps over the lazy dog", "def f(x):\n    return x + 1\n", "Ünïcödé 漢字 かな 🤖👩‍👩‍👧",
          "1234 5678", "e\u0301 \u0645\u0631\u062d\u0628\u0627"] * 20


def byte_level() -> Engine:
    engine = Engine(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    engine.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False,
        special_tokens=[AddedToken("<|end|>", special=True, normalized=False)]))
    engine.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    return engine


def byte_fallback() -> Engine:
    pieces = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "h", "i", "hi", "▁hi"]
    engine = Engine(models.BPE({piece: id for id, piece in enumerate(pieces)}, [("h", "i"), ("▁", "hi")],
                               unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    engine.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    engine.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                        decoders.Strip(" ", 1, 0)])
    engine.add_special_tokens(["<unk>", "<s>"])
    return engine


ENGINES = {"byte_level": byte_level(), "byte_fallback": byte_fallback()}
TOKENIZERS = {name: Tokenizer(engine.to_str()) for name, engine in ENGINES.items()}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize("kind", ENGINES)
@given(text=TEXT)
def test_encodes_as_the_reference_and_comes_back(kind: str, text: str) -> None:
    ids = TOKENIZERS[kind].encode(text, special=True)
    assert ids == ENGINES[kind].encode(text, add_special_tokens=False).ids
    if "▁" not in text or kind == "byte_level":
        assert TOKENIZERS[kind].decode(ids) == text


@given(ids=st.lists(st.integers(0, 399), max_size=40))
def test_any_ids_stream_to_the_text_they_decode_to(ids: list[int]) -> None:
    tokenizer = TOKENIZERS["byte_level"]
    ids = [id for id in ids if id not in tokenizer.special_ids]
    stream = Incremental(tokenizer)
    pieces = [stream.push(id) for id in ids]
    assert "".join(pieces) + stream.flush() == tokenizer.decode(ids)
    assert tokenizer.decode(ids) == b"".join(map(tokenizer.bytes_of, ids)).decode("utf-8", "replace")


def test_a_character_waits_until_it_is_whole() -> None:
    tokenizer = TOKENIZERS["byte_fallback"]
    robot = [2 + byte for byte in "🤖".encode()]
    stream = Incremental(tokenizer)
    assert [stream.push(id) for id in robot] == ["", "", "", "🤖"]
    assert [stream.push(id) for id in robot[:2]] == ["", ""] and stream.flush() == "\ufffd" and stream.flush() == ""
    assert stream.push(robot[0]) == "" and stream.push(tokenizer.encode("hi")[-1]) == "\ufffd hi"


def test_special_tokens_are_text_unless_asked_for() -> None:
    tokenizer = TOKENIZERS["byte_level"]
    end = tokenizer.id_of("<|end|>")
    assert end is not None and tokenizer.special_ids == {end}
    assert tokenizer.encode("a<|end|>", special=True)[-1] == end
    spelled = tokenizer.encode("a<|end|><tool>")
    assert end not in spelled and tokenizer.decode(spelled) == "a<|end|><tool>"
    assert tokenizer.bytes_of(spelled[-1]) == b"<tool>"  # no control token, so text can mean it
    assert Incremental(tokenizer).push(end) == "" and tokenizer.decode([end]) == "<|end|>"
    assert tokenizer.id_of("<tool>") is None


def test_every_byte_has_a_token_and_ids_without_one_have_no_bytes() -> None:
    for tokenizer in TOKENIZERS.values():
        known = {tokenizer.bytes_of(id) for id in range(tokenizer.vocab_size)}
        assert {bytes([byte]) for byte in range(256)} <= known
        assert tokenizer.bytes_of(tokenizer.vocab_size) == b"" and tokenizer.bytes_of(-1) == b""


@pytest.mark.parametrize("special", [False, True])
def test_lone_surrogates_are_one_clear_line(special: bool) -> None:
    with pytest.raises(BadInput, match=r"lone surrogate \(U\+D83E\) at character 2;") as caught:
        TOKENIZERS["byte_level"].encode("ab\ud83e", special=special)
    assert "\n" not in str(caught.value)


def test_empty_text_has_no_tokens() -> None:
    assert TOKENIZERS["byte_level"].encode("") == [] and TOKENIZERS["byte_level"].decode([]) == ""


@pytest.mark.parametrize("source", ["", "{}", "[]", '{"model": 3}', '{"added_tokens": []}', "\x00"])
def test_a_damaged_file_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(NotHere, match=r"tokenizer\.json"):
        Tokenizer.open(tmp_path)
    (tmp_path / "tokenizer.json").write_text(source)
    with pytest.raises(Damaged, match="tokenizer"):
        Tokenizer.open(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe")
    with pytest.raises(Damaged):
        Tokenizer.open(tmp_path)


def test_entries_not_spelled_in_bytes_stand_for_themselves() -> None:
    source = json.loads(ENGINES["byte_level"].to_str())
    size = len(source["model"]["vocab"])
    source["model"]["vocab"]["漢 字"] = size + 5
    tokenizer = Tokenizer(json.dumps(source))
    assert tokenizer.bytes_of(size + 5) == "漢 字".encode() and tokenizer.vocab_size == size + 6


def test_a_decoder_in_a_decoder_spells_the_same_bytes() -> None:
    engine = byte_level()
    engine.decoder = decoders.Sequence([decoders.Sequence([decoders.ByteLevel()])])
    nested = Tokenizer(engine.to_str())
    assert nested.decode(nested.encode("Ünïcödé 🤖")) == "Ünïcödé 🤖"


def test_a_tokenizer_that_only_the_library_understands_is_damaged() -> None:
    source = json.loads(ENGINES["byte_level"].to_str()) | {"decoder": ["x"]}
    Engine.from_str(json.dumps(source))
    with pytest.raises(Damaged, match="convert the model again"):
        Tokenizer(json.dumps(source))
