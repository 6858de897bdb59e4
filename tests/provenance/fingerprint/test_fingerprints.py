"""Fingerprints: edited versions are near, other works far; the shelf finds them as a plain search would."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image

from makar.provenance.fingerprint import fingerprint, image, kinds, near, text
from makar.provenance.fingerprint.shelf import ROW, Shelf, _number

WORDS = [f"{first}{second}" for first in ("lan", "har", "mer", "tol", "qui", "sab", "vor", "nim") for second in
         ("tern", "bour", "chant", "low", "den", "mark", "ley", "ford", "wick", "stone", "gate", "well")]


def apart(left: bytes | None, right: bytes | None) -> int:
    """How many bits differ."""
    assert left is not None and right is not None
    return int(np.bitwise_count(np.frombuffer(left, np.uint8) ^ np.frombuffer(right, np.uint8)).sum())


def prose(seed: int, num_words: int = 300) -> list[str]:
    """Words drawn at random."""
    return random.Random(seed).choices(WORDS, k=num_words)


def edited(words: list[str], share: float, seed: int = 1) -> list[str]:
    """A share of the words replaced."""
    draw = random.Random(seed)
    return [draw.choice(WORDS) if draw.random() < share else word for word in words]


def bits(words: list[str]) -> bytes | None:
    """The fingerprint of these words."""
    return text.bits(" ".join(words).encode())


def test_an_edited_text_is_near_and_another_is_not() -> None:
    for seed in range(20):
        words = prose(seed)
        assert apart(bits(words), bits(edited(words, 0.1))) <= text.NEAR
        assert apart(bits(words), bits(prose(seed + 1000))) > text.NEAR


def test_what_does_not_count() -> None:
    words = prose(1)
    plain = bits(words)
    dressed = "\ufeff\ufe01\U000e0123" + " \n\t ".join(word.upper() for word in words) + "!"
    assert apart(plain, text.bits(dressed.encode())) == 0


@pytest.mark.parametrize("data", [b"", b"Yes.", b"too few words to be told from others", b"\xff\xfe\x00"])
def test_too_little_has_no_fingerprint(data: bytes) -> None:
    assert text.bits(data) is None
    assert fingerprint("text/plain", data) is None


def test_bits_differ_as_the_shared_runs_say() -> None:
    share = 0.25
    ratios = [1 - apart(bits(words), bits(edited(words, share, seed))) / 128
              for seed in range(30) for words in [prose(seed, 600)]]
    kept = (1 - share + share / len(WORDS)) ** 2
    assert abs(float(np.mean(ratios)) - kept / (2 - kept)) < 0.04


def scene(seed: int) -> Image.Image:
    """A picture of random discs with edges."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:160, 0:200]
    planes = []
    for _ in range(3):
        plane = np.zeros((160, 200))
        for _ in range(40):
            y, x, size, height = draw.uniform(0, 160), draw.uniform(0, 200), draw.uniform(3, 40), draw.uniform(-1, 1)
            plane += height * ((rows - y) ** 2 + (columns - x) ** 2 < size * size)
        planes.append(255 * (plane - plane.min()) / np.ptp(plane))
    return Image.fromarray(np.stack(planes, 2).astype(np.uint8))


def saved(picture: Image.Image, form: str, **settings: object) -> bytes:
    """The bytes of a file."""
    out = io.BytesIO()
    picture.save(out, form, **settings)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_picture_is_found_after_what_platforms_do() -> None:
    for seed in range(6):
        picture = scene(seed)
        first = image.bits(saved(picture, "PNG"))
        for other in (saved(picture, "JPEG", quality=40), saved(picture.resize((90, 72)), "PNG"),
                      saved(picture.point(lambda value: min(255, value * 1.2 + 8)), "WEBP", quality=60)):
            assert apart(first, image.bits(other)) <= image.NEAR


def test_pictures_are_far_apart() -> None:
    prints = [image.bits(saved(scene(seed), "PNG")) for seed in range(100, 124)]
    least = min(apart(one, other) for number, one in enumerate(prints) for other in prints[:number])
    assert least > image.NEAR


@pytest.mark.parametrize("data", [b"", b"no picture", saved(Image.new("RGB", (30, 30), "red"), "PNG"),
                                  saved(scene(1), "PNG")[:300]])
def test_what_is_no_picture_or_an_empty_one_has_none(data: bytes) -> None:
    assert image.bits(data) is None


def test_every_kind_says_when_it_is_near() -> None:
    assert kinds() == ["image", "text"]
    assert {near(kind) for kind in kinds()} == {image.NEAR, text.NEAR}
    assert fingerprint("audio/wav", b"RIFF") is None
    assert fingerprint("image/svg+xml", " ".join(prose(1)).encode()) is not None


def test_the_shelf_finds_what_a_plain_search_finds() -> None:
    draw = np.random.default_rng(5)
    rows = np.zeros(70_000, ROW)
    rows["seq"] = np.arange(1, 70_001)
    rows["scheme"] = np.where(draw.random(70_000) < 0.5, _number("text-minhash-2x128/1"), _number("image-dct-16x16/1"))
    rows["bits"] = draw.integers(0, 2**64, (70_000, 4), dtype=np.uint64)
    shelf = Shelf(rows)
    for row in (rows[3], rows[40_000], rows[-1], rows[12_345]):
        wanted = row["bits"].copy()
        wanted[1] ^= np.uint64(0b1011)
        scheme = "text-minhash-2x128/1" if row["scheme"] == _number("text-minhash-2x128/1") else "image-dct-16x16/1"
        alike = rows[rows["scheme"] == row["scheme"]]
        distances = np.bitwise_count(alike["bits"] ^ wanted).sum(axis=1)
        assert shelf.nearest(scheme, wanted.tobytes()) == (int(alike["seq"][distances.argmin()]), int(distances.min()))
        assert distances.min() == 3
    assert Shelf.nothing().nearest("image-dct-16x16/1", bytes(32)) is None
    assert Shelf.nothing().same("0" * 64) == []
