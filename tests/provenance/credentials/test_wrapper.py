"""A text that holds its own signature: invisible, code still runs, JSON is refused by name."""

from __future__ import annotations

import ast
import json
import unicodedata

import pytest
from signed_files import FILES, look, manifest

from makar.kit.errors import BadInput
from makar.provenance.credentials import wrapper
from makar.provenance.credentials.sign import sign


def wrapped(media_type: str, data: bytes | None = None) -> str:
    """A signed text that holds its signature."""
    signed = sign(FILES[media_type] if data is None else data, media_type, manifest(), embed_text=True)
    assert signed.sidecar is None
    return signed.data.decode()


@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown"])
def test_what_is_seen_stays(media_type: str) -> None:
    text = wrapped(media_type)
    assert text.startswith(FILES[media_type].decode())
    assert wrapper.without(text) == FILES[media_type].decode()
    found = look(media_type, text.encode())
    assert (found.state, found.place, found.trusted) == ("valid", "in the text", True)
    assert found.manifest == manifest()


@pytest.mark.parametrize("source", [FILES["text/x-python"], b"x = 1", b"", "s = 'Grüße, 世界'\n".encode()])
def test_code_keeps_running(source: bytes) -> None:
    text = wrapped("text/x-python", source)
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(source.decode()))
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    exec(source.decode(), before)
    exec(compile(text.encode(), "work.py", "exec"), after)
    assert {key for key in after if key != "__builtins__"} == {key for key in before if key != "__builtins__"}
    assert look("text/x-python", text.encode()).state == "valid"


def test_json_is_refused_by_name_and_stays_json_beside() -> None:
    with pytest.raises(BadInput, match="JSON has no place for a signature"):
        wrapped("application/json")
    signed = sign(FILES["application/json"], "application/json", manifest())
    assert json.loads(signed.data) == json.loads(FILES["application/json"])


@pytest.mark.parametrize(("media_type", "data", "words"), [
    ("audio/midi", FILES["audio/midi"], "UTF-8"),
    ("text/csv", b"a,b\n", "text/csv"),
    ("text/plain", unicodedata.normalize("NFD", "Grüße").encode(), "normal form C"),
    ("image/png", FILES["image/png"], "UTF-8"),
])
def test_what_cannot_hold_one_says_so(media_type: str, data: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        wrapped(media_type, data)


def test_a_text_is_wrapped_once() -> None:
    with pytest.raises(BadInput, match="already"):
        wrapped("text/plain", wrapped("text/plain").encode())


def test_two_wrappers_a_cut_one_and_an_unknown_version() -> None:
    text = wrapped("text/plain")
    own = text[len(FILES["text/plain"].decode()):]
    newer = own[:9] + chr(0xFE00 + 2) + own[10:]
    for other, words in ((text + "More." + own, "more than one"), (text[:-900], "cut short"),
                         (text.replace(own, newer), "version 2")):
        found = look("text/plain", other.encode())
        assert found.state == "changed"
        assert words in found.wrong[0]


def test_words_moved_from_under_a_wrapper() -> None:
    text = wrapped("text/plain")
    own = text[len(FILES["text/plain"].decode()):]
    assert look("text/plain", ("Other words." + own).encode()).wrong == ("the text",)


def test_the_wrapper_is_spelled_as_the_standard_says() -> None:
    text = wrapped("text/plain")
    found = wrapper.find(text)
    assert found is not None
    own = text[len(FILES["text/plain"].decode()):]
    assert own[0] == "\ufeff"
    raw = bytes(ord(char) - 0xFE00 if ord(char) < 0xE0100 else ord(char) - 0xE0100 + 16 for char in own[1:])
    assert raw[:8] == b"C2PATXT\0"
    assert raw[8] == 1
    assert int.from_bytes(raw[9:13], "big") == len(found.store)
    assert raw[13:13 + len(found.store)] == found.store
