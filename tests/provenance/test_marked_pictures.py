"""A picture that lost its signature is led back to its release by the payload of its mark, under old keys too."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from parrot_stage import Sampling
from PIL import Image

from makar import checks
from makar.ledger import Ledger, open_ledger
from makar.marks import key as mark_keys
from makar.marks.image import embed, payload_of, statement
from makar.provenance.recognise import open_book, recognise, recognise_bytes
from makar.provenance.statements import in_short
from makar.provenance.work import Work
from makar.review.policy import Policy
from makar.room import Piece, Room


@dataclass(frozen=True)
class Drawing:
    """A request for a picture of two rings."""

    mark: str
    model: str = "tiny"
    n: int = 1
    sampling: Sampling = field(default_factory=Sampling)


class Drawer:
    """The model of the room."""

    name, sha256, training_data = "drawer", "0" * 64, "none: it draws one thing"


def rings(size_px: int = 192) -> np.ndarray:
    across, down = np.meshgrid(np.linspace(-1, 1, size_px), np.linspace(-1, 1, size_px))
    away = np.hypot(across, down)
    colours = np.where((away < 0.5)[..., None], (200, 90, 60), (60, 110, 190))
    return np.dstack((colours, np.where(away < 0.95, 255, 0))).astype(np.uint8)


def png(rgba: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "PNG")
    return file.getvalue()


def draw(model: Drawer, request: Drawing) -> Iterator[Piece]:
    yield Piece("", 0, 0, "stop", data=png(embed(rings(), mark_keys.key(request.mark), payload_of(request, 0))))


ROOM = Room("drawing", Drawing, build=lambda stored: Drawer(), sample=draw, media_type=lambda request: "image/png",
            marked=lambda request, index: statement(request.mark, payload_of(request, index)))


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(checks, "load_checks", list)
    with open_ledger(tmp_path / "ledger.db") as book:
        yield book
        assert book.verify().ok


def test_a_picture_without_its_signature_is_led_to_its_release(ledger, tmp_path):
    used = mark_keys.current_key()
    released = Work(ROOM, Drawing(used.id), policy=Policy("of the test", {}), ledger=ledger).release()
    stamp = next(ledger.stamps("release"))
    assert stamp.body["mark"] == released.record["mark"] == statement(used.id, payload_of(Drawing(used.id), 0))
    mark_keys.rotate()
    saved = released.save(tmp_path / "rings.png")
    assert recognise(saved, open_book(ledger)).ok

    with Image.open(saved) as picture:
        flat = Image.new("RGB", picture.size, (240, 240, 220))
        flat.paste(picture, mask=picture.getchannel("A"))
        flat.crop((20, 10, 180, 170)).save(tmp_path / "cut.jpg", quality=80)
    found = recognise(tmp_path / "cut.jpg", open_book(ledger))
    assert found.signature.state == "none" and found.mark.found and found.mark.key == used.id
    assert found.carried == stamp and found.record["mark_release"] == {"work": released.id, "stamp": stamp.id}
    assert f"which is that of the release {released.id}" in " ".join(found.says)
    assert in_short(found) == "unsigned, near a release" or "marked" in in_short(found)


def test_a_payload_that_no_release_has_is_said_to_be_unknown(ledger):
    foreign = png(embed(rings(), mark_keys.current_key(), 77))
    found = recognise_bytes(foreign, open_book(ledger), name="foreign.png")
    assert found.mark.payload == "0000004d" and found.carried is None
    assert "which no release in this machine's ledger has" in " ".join(found.says)


def test_a_drawing_in_svg_is_not_looked_through(ledger):
    found = recognise_bytes(b'<svg xmlns="http://www.w3.org/2000/svg"/>', open_book(ledger), name="drawing.svg")
    assert found.mark is None
