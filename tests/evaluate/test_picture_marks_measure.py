"""contract: `makar eval marks --kind image` counts what it says, goes on where it stopped, and draws its curves."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from makar.cli import main
from makar.codecs.picture import glance
from makar.evaluate import picture_marks
from makar.evaluate.marks.page import WIDTH, curves
from makar.evaluate.measure import Item
from makar.evaluate.picture_marks.attacks import ATTACKS
from makar.evaluate.picture_marks.figures import figures
from makar.evaluate.picture_marks.pictures import SIZES_PX, pictures, sized
from makar.kit.errors import BadInput, NotHere


def disc(size_px: int = 64) -> np.ndarray:
    across, down = np.meshgrid(np.linspace(-1, 1, size_px), np.linspace(-1, 1, size_px))
    inside = np.hypot(across, down) < 0.9
    return np.dstack((np.full((size_px, size_px, 3), (180, 120, 70)), inside * 255)).astype(np.uint8)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A tar of one picture, one that is empty to the eye, and a file that is no picture."""
    nearly_empty = disc()
    nearly_empty[4:, :, 3] = 0
    nearly_empty[:4, :, 3] = 0
    with tarfile.open(tmp_path / "pictures.tar", "w") as tar:
        for name, rgba in (("disc.png", disc()), ("empty.png", nearly_empty)):
            file = io.BytesIO()
            Image.fromarray(rgba).save(file, "PNG")
            info = tarfile.TarInfo(name)
            info.size = file.tell()
            tar.addfile(info, io.BytesIO(file.getvalue()))
        tar.addfile(tarfile.TarInfo("nothing.txt"))
    return tmp_path / "pictures.tar"


def test_pictures_are_read_and_sized(archive: Path, tmp_path: Path) -> None:
    found = pictures(archive)
    assert len(found) == 1 and sized(found[0], 128).shape == (128, 128, 4)
    (tmp_path / "no.txt").write_text("no picture")
    with pytest.raises(BadInput, match="holds no picture"):
        pictures(tmp_path / "no.txt")
    with pytest.raises(NotHere):
        pictures(tmp_path / "gone.tar")


def test_every_attack_gives_a_picture_that_can_be_read() -> None:
    for attack in ATTACKS:
        seen = glance(attack.on(disc(), np.random.default_rng(0)))
        assert seen is not None and min(seen.size) >= 16, attack.name


def test_one_picture_is_measured_and_drawn(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(picture_marks, "SIZES_PX", (64,))
    monkeypatch.setattr(picture_marks, "LOOKS", 3)
    asked = ["eval", "marks", "--kind", "image", "--data", str(archive), "--html", str(tmp_path / "curves.html")]
    assert main(asked) == 0
    told = capsys.readouterr().out
    assert "false positives, 3 looks at 1 pictures" in told and "64 px, noise 5" in told
    drawn = (tmp_path / "curves.html").read_text()
    assert drawn.count("<svg") == len({attack.curve for attack in ATTACKS})


def test_as_many_lines_as_sizes_have_a_colour_and_a_name_on_the_page() -> None:
    drawn = curves({f"{size_px} px": [(0.0, 0.0), (1.0, 1.0)] for size_px in SIZES_PX})
    strokes, names = re.findall(r'stroke="(#\w+)"', drawn), re.findall(r'<text x="(\d+)"[^>]*fill="#(?!555)', drawn)
    assert len(set(strokes)) == len(names) == len(SIZES_PX) and max(map(int, names)) < WIDTH - 60


def test_figures_count_what_was_found_and_read() -> None:
    def outcome(log10_p: float, read: int) -> dict:
        return {"kind": "marked", "size_px": 64, "psnr_db": 42.1,
                "attacks": {attack.name: [log10_p, read] for attack in ATTACKS}}

    items = [Item("a", outcome(-9.0, 1)), Item("b", outcome(-4.0, -1)), Item("c", outcome(-3.9, 0))]
    by_name = {figure.name: figure.value for figure in figures(items)}
    assert by_name["64 px, JPEG quality 50"] == pytest.approx(2 / 3)
    assert by_name["64 px, payload right after JPEG quality 75"] == pytest.approx(1 / 3)
    assert by_name["64 px, payload wrong after JPEG quality 75"] == pytest.approx(1 / 3)
