"""Any byte of a signed file that is changed, and any cut, is told."""

from __future__ import annotations

import random

import pytest
from signed_files import FILES, look, manifest

from makar.provenance.credentials.sign import sign

NUM_TRIALS = 40
WRAPPED = ("text/plain", "text/x-python")


def tampered(media_type: str, *, embed: bool, trials: int) -> list[tuple[int, str]]:
    """The places whose change was not told, each with what was said instead."""
    signed = sign(FILES[media_type], media_type, manifest(), embed_text=embed)
    draw, missed = random.Random(f"{media_type} {embed}"), []
    beside = signed.sidecar or b""
    for _ in range(trials):
        place, other = draw.randrange(len(signed.data) + len(beside)), draw.randrange(1, 256)
        whole = bytearray(signed.data + beside)
        whole[place] ^= other
        found = look(media_type, bytes(whole[:len(signed.data)]), bytes(whole[len(signed.data):]) or None)
        if found.state != "changed" or not found.wrong:
            missed.append((place, found.state))
    return missed


@pytest.mark.parametrize("media_type", sorted(FILES))
def test_every_changed_byte_is_told(media_type: str) -> None:
    assert tampered(media_type, embed=False, trials=NUM_TRIALS) == []


@pytest.mark.parametrize("media_type", WRAPPED)
def test_every_changed_byte_of_a_wrapped_text_is_told(media_type: str) -> None:
    assert tampered(media_type, embed=True, trials=NUM_TRIALS) == []


@pytest.mark.parametrize("media_type", sorted(FILES))
def test_what_is_cut_or_added_is_told(media_type: str) -> None:
    signed = sign(FILES[media_type], media_type, manifest())
    for data in (signed.data[:-1], signed.data + b"\n", signed.data[:len(signed.data) * 3 // 4]):
        found = look(media_type, data, signed.sidecar)
        assert found.state == "changed", (len(data), found)
    if signed.sidecar is not None:
        assert look(media_type, signed.data, signed.sidecar[:-7]).state == "changed"
        assert look(media_type, signed.data, b"").state == "changed"


def test_the_padding_that_c2pa_does_not_hash_is_told() -> None:
    signed = sign(FILES["text/plain"], "text/plain", manifest())
    assert signed.sidecar is not None
    at = signed.sidecar.rindex(b"cpad") + 600
    assert signed.sidecar[at] == 0
    other = signed.sidecar[:at] + b"\1" + signed.sidecar[at + 1:]
    found = look("text/plain", signed.data, other)
    assert found.wrong == ("the padding or the frame of the signature was changed",)


def test_what_a_film_says_that_it_is_and_the_first_letters_of_a_drawing_are_told() -> None:
    for media_type, places in (("video/mp4", range(8, 72)), ("image/svg+xml", range(4))):
        signed = sign(FILES[media_type], media_type, manifest())
        assert look(media_type, signed.data).state == "valid"
        for place in places:
            other = bytearray(signed.data)
            other[place] ^= 1
            assert look(media_type, bytes(other)).state == "changed", (media_type, place)


def test_another_works_signature_does_not_fit() -> None:
    signed = sign(FILES["text/plain"], "text/plain", manifest())
    assert look("text/markdown", FILES["text/markdown"], signed.sidecar).wrong == ("the content",)


def test_what_c2pa_tells_by_halves_is_told_as_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = sign(FILES["text/plain"], "text/plain", manifest(), embed_text=True)
    monkeypatch.setattr("c2pa.Reader.detailed_json", lambda reader: "{}")
    found = look("text/plain", signed.data)
    assert (found.state, found.place) == ("changed", "in the text")
    assert "cannot be read" in found.wrong[0]
