"""`makar image`: drawn, varied, edited and enlarged pictures in every form, and every way to get it wrong."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import makar
from makar.cli import main
from makar.codecs.picture import encoded, read_picture
from makar.codecs.vector import rendered
from makar.kit.errors import BadInput
from makar.ledger import open_ledger
from makar.rooms.image.request import FEW, ImageSampling

LOOSE = 'extends = "default"\n[actions]\nnsfw_picture = "release"\nblank_picture = "release"\n'


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, no network, and a policy that needs no weights to look at pictures with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAKAR_OFFLINE", "1")
    (tmp_path / "loose.toml").write_text(LOOSE)
    return tmp_path


def draw(*words: str, seed: int = 3) -> None:
    """A command that succeeds."""
    settings = ["--policy", "loose.toml"] if words[0] == "upscale" else \
        ["--policy", "loose.toml", "--model", "tiny", "--seed", str(seed), "--steps", "2"]
    assert main(["image", *words, *settings]) == 0


def refuse(capfd: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    """The one line of a command that does not, with a ledger that still verifies."""
    assert main(["image", *words]) == code
    said = capfd.readouterr()
    lines = [line for line in said.err.splitlines() if line.startswith("makar: ")]
    assert said.out == "" and len(lines) == 1 and "Traceback" not in said.err
    with open_ledger() as ledger:
        assert ledger.verify().ok
    return lines[0]


def picture(path: Path, side: int = 40, colour: tuple[int, int, int] = (200, 30, 30)) -> Path:
    pixels = np.zeros((side, side, 4), np.uint8)
    pixels[side // 4:side // 2, side // 4:] = (*colour, 255)
    path.write_bytes(encoded(pixels, "png"))
    return path


@pytest.mark.parametrize(("suffix", "size"), [("png", 32), ("webp", 64), ("jpg", 128), ("svg", 64), ("ico", 64)])
def test_every_form_at_its_size_signed_or_beside_and_found_again(place: Path, suffix: str, size: int,
                                                                 capfd: pytest.CaptureFixture[str]) -> None:
    draw("a red circle", "--size", str(size), "-o", f"out.{suffix}")
    data = (place / f"out.{suffix}").read_bytes()
    pixels = rendered(data, size) if suffix == "svg" else read_picture(data)
    assert pixels.shape == (size, size, 4)
    capfd.readouterr()
    assert main(["verify", f"out.{suffix}"]) == 0
    assert "just so" in " ".join(capfd.readouterr().out.split())


def test_the_same_seed_gives_the_same_picture_alone_and_among_others(place: Path) -> None:
    draw("a red circle", "-o", "one.png", "--no-sign", "--no-mark", seed=4)
    draw("a red circle", "-o", "many.png", "--n", "3", "--no-sign", "--no-mark", seed=3)
    one, first, second = ((place / name).read_bytes() for name in ("one.png", "many-1.png", "many-2.png"))
    assert one == second != first


def test_several_come_with_a_sheet_whose_parents_they_are(place: Path) -> None:
    draw("a cross", "--n", "4", "--size", "32", "-o", "c.webp", "--record")
    assert sorted(path.name for path in place.glob("c-*.webp")) == [f"c-{number}.webp" for number in range(1, 5)]
    assert read_picture((place / "c-sheet.png").read_bytes()).shape == (76, 76, 4)
    told = json.loads((place / "c-sheet.png.record.json").read_text())
    one = json.loads((place / "c-1.webp.record.json").read_text())
    assert told["finish"] == "composed" and len(told["parents"]) == 4 and told["parents"][0] == one["work"]


def test_without_a_name_the_file_is_named_after_the_words_and_never_written_over(place: Path) -> None:
    draw("A Red, red circle!")
    draw("A Red, red circle!")
    draw("a bar", "--svg")
    assert sorted(path.name for path in place.iterdir() if path.suffix in (".png", ".svg")) == [
        "a-bar.svg", "a-red-red-circle-2.png", "a-red-red-circle.png"]


def test_the_record_says_what_was_asked_how_sure_the_model_is_and_that_it_is_marked(place: Path) -> None:
    draw("a circle", "--style", "pixel", "--size", "64", "-o", "x.png", "--record")
    told = json.loads((place / "x.png.record.json").read_text())
    assert told["configuration"]["enlarger"] == "whole-pixels" and told["configuration"]["style"] == "pixel"
    assert told["mark"]["scheme"] and told["media_type"] == "image/png"
    found = {verdict["check"]: verdict for verdict in told["verdicts"]}
    assert {"blank_picture", "prompt_known", "prompt_likeness", "prompt_sexual"} <= found.keys()
    assert "circle" in found["prompt_known"]["reason"]
    assert "nsfw_picture" in found and "not judged" in found["nsfw_picture"]["reason"]


def test_it_is_replayed_to_the_same_bytes(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    draw("a bar", "--n", "2", "-o", "b.png", "--record")
    for number in (1, 2):
        work = json.loads((place / f"b-{number}.png.record.json").read_text())["work"]
        capfd.readouterr()
        assert main(["replay", work]) == 0
        assert "the same, byte for byte" in capfd.readouterr().out


def test_a_picture_is_varied_and_edited_only_where_the_mask_is_white(place: Path) -> None:
    given = picture(place / "in.png", 32)
    draw("vary", "in.png", "--strength", "0", "-o", "same.png", "--no-mark", "--size", "32")
    before, same = read_picture(given.read_bytes()), read_picture((place / "same.png").read_bytes())
    assert np.abs(before.astype(int) - same).max() <= 2
    mask = np.zeros((32, 32, 4), np.uint8)
    mask[..., 3], mask[16:] = 255, 255
    (place / "mask.png").write_bytes(encoded(mask, "png"))
    draw("edit", "in.png", "a cross", "--mask", "mask.png", "--strength", "1", "--size", "32", "-o", "edit.png",
         "--no-mark")
    after = read_picture((place / "edit.png").read_bytes())
    assert np.abs(before[:16].astype(int) - after[:16]).max() <= 2
    assert np.abs(before[16:].astype(int) - after[16:]).max() > 40


def test_pixels_are_enlarged_as_squares_and_replayed(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    given = read_picture(picture(place / "in.png", 32).read_bytes())
    draw("upscale", "in.png", "--style", "pixel", "-o", "large.png", "--no-mark", "--record")
    large = read_picture((place / "large.png").read_bytes())
    assert np.array_equal(large, given.repeat(4, 0).repeat(4, 1))
    told = json.loads((place / "large.png.record.json").read_text())
    assert told["checkpoint"]["name"] == "whole-pixels"
    capfd.readouterr()
    assert main(["replay", told["work"]]) == 0


def test_styles_are_listed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["image", "styles", "--model", "tiny"]) == 0
    assert capfd.readouterr().out.split() == ["filled", "hollow", "pixel"]


def test_what_must_not_be_asked_is_withheld_and_kept(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asked = ["--model", "tiny", "--policy", "loose.toml", "-o", "x.png"]
    assert "asks for sexual content: 'nude'" in refuse(capfd, "a nude woman", *asked, code=3)
    assert "held for review" in refuse(capfd, "taylor swift waving", *asked, code=3)
    assert not (place / "x.png").exists()


def test_without_what_looks_for_sexual_pictures_nothing_is_made(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "open-nsfw is not on this machine" in refuse(capfd, "a circle", "--model", "tiny", "-o", "x.png")
    assert not (place / "x.png").exists()


def bomb(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def file_of(mode: str, form: str, **how: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (16, 16)).save(out, form, **how)
    return out.getvalue()


FILES = {
    "text": (b"hello", "no picture that can be read"),
    "30,000 px": (bomb(30_000), "would unpack to far more"),
    "bomb": (bomb(12_000), "12,000 x 12,000 px"),
    "animated": (file_of("RGB", "GIF", save_all=True, append_images=[Image.new("RGB", (16, 16), "red")]), "animated"),
    "cmyk": (file_of("CMYK", "JPEG"), "CMYK"),
    "empty": (b"", "is empty"),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("task", [("vary",), ("upscale",), ("edit", "a cross")])
def test_files_that_are_no_good_pictures(place: Path, capfd: pytest.CaptureFixture[str], kind: str,
                                         task: tuple[str, ...]) -> None:
    data, says = FILES[kind]
    (place / "bad.png").write_bytes(data)
    line = refuse(capfd, task[0], "bad.png", *task[1:], "-o", "x.png")
    assert says in line and "'bad.png'" in line


def test_a_mask_of_another_size_and_files_that_are_not_there(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, side in (("in.png", 40), ("mask.png", 20)):
        picture(place / name, side)
    asked = ["--model", "tiny", "-o", "x.png"]
    line = refuse(capfd, "edit", "in.png", "a bar", "--mask", "mask.png", *asked)
    assert "the mask is 20 x 20 px and the picture 40 x 40" in line
    assert "there is no picture 'gone.png'" in refuse(capfd, "vary", "gone.png", *asked)
    assert "is a folder" in refuse(capfd, "vary", str(place), *asked)


@pytest.mark.parametrize(("words", "says"), [
    ([""], "the prompt is empty"),
    (["", "-o", "x.png"], "the prompt is empty"),
    (["   ", "-o", "x.png"], "the prompt is empty"),
    (["word " * 1000, "-o", "x.png"], "the prompt has 5,000 characters"),
    (["a\0b", "-o", "x.png"], "NUL"),
    (["a", "--size", "100", "-o", "x.png"], "32, 64, 128, 256 or 512 px; got 100"),
    (["a", "--style", "baroque", "-o", "x.png"], "unknown style 'baroque'"),
    (["a", "--steps", "0", "-o", "x.png"], "steps are between"),
    (["a", "--n", "0", "-o", "x.png"], "n is between"),
    (["a", "--guidance", "-1", "-o", "x.png"], "guidance is between"),
    (["a", "--tries", "0", "-o", "x.png"], "tries are between"),
    (["a", "--solver", "magic", "-o", "x.png"], "solver"),
    (["a", "--background", "plaid", "-o", "x.png"], "'plaid' is no background"),
    (["a", "-o", "x.tiff"], "unknown suffix of a picture '.tiff'"),
    (["a", "-o", "x"], "has no suffix"),
    (["a", "-o", "none/x.png"], "there is no folder 'none'"),
    (["a", "--svg", "-o", "x.png"], "name it x.svg"),
    (["a", "--seed", "x", "-o", "x.png"], "invalid int"),
    (["edit", "in.png"], "PROMPT"),
    (["upscale", "in.png", "--style", "flat", "-o", "x.png"], "or with --style pixel"),
    (["upscale", "in.png", "--size", "32", "-o", "x.png"], "is 40 px already"),
    (["vary", "in.png", "--strength", "2", "-o", "x.png"], "between 0 and 1"),
])
def test_words_that_ask_for_what_cannot_be(place: Path, capfd: pytest.CaptureFixture[str], words: list[str],
                                           says: str) -> None:
    picture(place / "in.png")
    model = [] if words[0] in ("upscale",) or words[1:] == ["in.png"] else ["--model", "tiny"]
    assert says in refuse(capfd, *words, *model)
    assert not (place / "x.png").exists()


@pytest.mark.parametrize("setting", ["steps", "guidance", "tries"])
def test_what_a_model_does_not_draw_by_is_not_taken_in_silence(place: Path, capfd: pytest.CaptureFixture[str],
                                                              setting: str) -> None:
    line = refuse(capfd, "glasses", f"--{setting}", "2", "--model", "avatars-16", "-o", "x.png")
    assert f"'avatars-16' does not draw by {setting}" in line


def test_a_picture_that_is_given_is_begun_once(place: Path) -> None:
    with pytest.raises(BadInput, match="tries are for drawing from words"):
        makar.vary_image(picture(place / "in.png"), model="tiny", tries=2)


def test_an_icon_file_is_no_larger_than_icons_are(capfd: pytest.CaptureFixture[str]) -> None:
    line = refuse(capfd, "a", "--size", "512", "--style", "pixel", "-o", "x.ico", "--model", "tiny", "--policy",
                  "loose.toml")
    assert "at most 256 px" in line


def test_four_steps_begin_where_they_do_most_and_others_evenly(place: Path) -> None:
    usual = ImageSampling().guidance
    for num, said, (times, guidance) in ((4, None, FEW[4]), (4, 5.0, (FEW[4][0], 5.0)), (5, None, ("", usual))):
        work = makar.image("a circle", model="tiny", seed=3, steps=num, guidance=said, policy="loose.toml")
        assert isinstance(work, makar.Released)
        sampling = work.record["request"]["sampling"]
        assert (sampling["times"], sampling["guidance"]) == (times, guidance)
        work.save(place / f"{num}.png")
        assert makar.verify(place / f"{num}.png").ok


def test_the_verbs_of_python(place: Path) -> None:
    one = makar.image("a circle", model="tiny", seed=3, steps=2, tries=3, policy="loose.toml")
    assert isinstance(one, makar.Released) and isinstance(one.content, bytes)
    assert one.record["request"]["sampling"]["tries"] == 3
    assert one.save("x.png").stat().st_size > len(one.content)
    many = makar.image("a circle", model="tiny", n=2, seed=3, steps=2, policy="loose.toml")
    assert isinstance(many, list) and len(many) == 2
    other = makar.vary_image(one.content, model="tiny", steps=2, policy="loose.toml")
    assert isinstance(other, makar.Released) and other.content != one.content
    large = makar.upscale_image("x.png", style="pixel", size=128, policy="loose.toml")
    assert isinstance(large, makar.Released) and read_picture(large.data).shape == (128, 128, 4)
