"""Text from tokens, against the obvious way: decode everything, cut at the stop string."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Engine
from tokenizers import decoders, models, pre_tokenizers

from makar.codecs.bpe import Tokenizer
from makar.methods.autoregress import LanguageModel
from makar.methods.autoregress.text import TextAssembler, could_begin, first_stop

CHUNKS = ("ab", "abc", "ba", "cab", "\n\n", "üé", "a😀", "bcab", "cc")


def wide() -> Tokenizer:
    """A byte-level tokenizer that also has tokens of several characters, and of half a character after one."""
    letters = pre_tokenizers.ByteLevel.alphabet()
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False)
    chunks = ["".join(part for part, _ in spell.pre_tokenize_str(chunk)) for chunk in CHUNKS]
    vocab = sorted(letters) + chunks + [chunks[6][:-2], chunks[6][1:-1]]
    engine = Engine(models.BPE({token: id for id, token in enumerate(vocab)}, []))
    engine.decoder = decoders.ByteLevel()
    return Tokenizer(engine.to_str())


WIDE = wide()
BYTES = LanguageModel.tiny().tokenizer
ID = {BYTES.bytes_of(id): id for id in range(256)}


def ids_of(data: bytes) -> list[int]:
    return [ID[bytes([byte])] for byte in data]


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """Reads character by character and ends where some stop string is complete, before the longest such one."""
    for end in range(len(text) + 1):
        ending = [word for word in stop if text[:end].endswith(word)]
        if ending:
            return text[: end - max(map(len, ending))]
    return text


def streamed(tokenizer: Tokenizer, ids: Sequence[int], stop: Sequence[str]) -> tuple[str, list[str]]:
    assembler = TextAssembler(tokenizer, stop)
    pieces = [assembler.push(id) for id in ids]
    pieces.append(assembler.flush())
    return "".join(pieces), pieces


words = st.text(alphabet="ab\nüé😀", min_size=1, max_size=4)


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="abc\nüé😀", max_size=40), st.lists(words, max_size=3))
def test_streamed_text_is_the_whole_text_cut_at_the_first_stop(text: str, stop: list[str]) -> None:
    out, pieces = streamed(BYTES, ids_of(text.encode()), stop)
    assert out == cut_at_stop(text, stop)
    assert "�" not in "".join(pieces)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(256, WIDE.vocab_size - 1) | st.sampled_from(ids_of(b"abc\n")), max_size=25),
       st.lists(st.text(alphabet="abc\né�😀", min_size=1, max_size=6), max_size=3))
def test_token_borders_do_not_matter(ids: list[int], stop: list[str]) -> None:
    out, _ = streamed(WIDE, ids, stop)
    assert out == cut_at_stop(WIDE.decode(ids), stop)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 255), max_size=60), st.lists(st.sampled_from(["a", "\x00", "�", "é�"]), max_size=2))
def test_any_bytes_become_the_text_of_a_full_decode(ids: list[int], stop: list[str]) -> None:
    out, _ = streamed(BYTES, ids, stop)
    assert out == cut_at_stop(BYTES.decode(ids), stop)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="abc", max_size=30), st.lists(st.text(alphabet="abc", min_size=1, max_size=5), max_size=3))
def test_no_more_is_held_back_than_could_become_a_stop(text: str, stop: list[str]) -> None:
    assembler = TextAssembler(BYTES, stop)
    out = ""
    for place, id in enumerate(ids_of(text.encode()), 1):
        out += assembler.push(id)
        if assembler.stopped:
            break
        held = text[len(out):place]
        assert held == "" or any(word.startswith(held) for word in stop)


def test_a_stop_string_is_found_across_token_borders_and_nothing_of_it_leaves() -> None:
    assembler = TextAssembler(BYTES, ["END"])
    shown = [assembler.push(id) for id in ids_of(b"xENyEND more")]
    assert shown[:8] == ["x", "", "", "ENy", "", "", "", ""]
    assert assembler.stopped
    assert "".join(shown) + assembler.flush() == "xENy"


def test_what_could_have_become_a_stop_leaves_at_the_end() -> None:
    assembler = TextAssembler(BYTES, ["END"])
    assert [assembler.push(id) for id in ids_of(b"EN")] == ["", ""]
    assert assembler.flush() == "EN"
    assert not assembler.stopped


def test_a_character_cut_off_at_the_end_becomes_one_replacement() -> None:
    out, pieces = streamed(BYTES, ids_of("😀é".encode())[:-1], [])
    assert out == "😀�"
    assert pieces == ["", "", "", "😀", "", "�"]


def test_control_tokens_are_no_text() -> None:
    out, _ = streamed(BYTES, [256, *ids_of(b"a"), 257], [])
    assert out == "a"


def test_the_stop_that_is_complete_first_counts_and_of_two_at_once_the_longer() -> None:
    assert first_stop("xabcd", ["abcd", "bc"]) == 2
    assert first_stop("xabc", ["abc", "bc"]) == 1
    assert first_stop("xyz", ["a"]) is None
    assert could_begin("xab", ["abc", "bd"]) == 2
    assert could_begin("xab", []) == 0
