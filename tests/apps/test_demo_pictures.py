"""The demonstration's pictures: each beside what it is nearest to, and only where they can be drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from makar.apps.demo import pictures
from makar.apps.demo.works import WORKS, works
from makar.codecs.picture import encoded
from makar.store.shipped import SHIPPED
from makar.tracing.pictures import Told, write_index


def square(red: int, place: int) -> np.ndarray:
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[place:place + 12, 4:20] = (red, 30, 80, 255)
    pixels[place + 4:place + 8, 8:28] = (20, 30, 200, 255)
    return pixels


def test_a_row_shows_the_picture_and_its_neighbours_with_their_licences(tmp_path: Path) -> None:
    index = write_index(tmp_path / "i.safetensors", (
        (Told(f"s{number}", "squares", ("MIT", "CC0-1.0")[number % 2]), square(40 * number, 3 * number))
        for number in range(5)))
    row = pictures._row("a <b> square", encoded(square(120, 9), "png"), index)
    assert row.count("data:image/webp;base64,") == 3 and row.count("data:image/png;base64,") == 1
    assert "a &lt;b&gt; square" in row and "CC0-1.0" in row and "squares/s3" in row


def test_there_are_no_pictures_without_the_model_or_with_the_tiny_one(tmp_path: Path,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKAR_OFFLINE", "1")
    assert works("tiny") == WORKS
    assert not pictures.can_be_drawn()  # offline, what reads words is not to be had
    assert {pictures.ICONS, pictures.AVATARS} <= set(SHIPPED)
