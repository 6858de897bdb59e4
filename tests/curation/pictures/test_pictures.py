"""Pictures on their way into a pack: rendered, captioned, compared, split, packed; and what is refused."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from makar.codecs.hashed import HashedWords
from makar.codecs.pack import open_pack
from makar.codecs.prompts import reader
from makar.curation.pictures.captions import dominant, named, phrases
from makar.curation.pictures.drawing import Drawing, Source
from makar.curation.pictures.emoji import code_key, has_skin_tone
from makar.curation.pictures.gather import Gathering, gather, held_out
from makar.curation.pictures.near import Seen
from makar.curation.pictures.render import render
from makar.curation.pictures.sources.folder import folder_source
from makar.curation.pictures.sources.openclipart import _facts
from makar.kit.errors import BadInput, Damaged, NotHere, UnknownName

SETTINGS = Gathering(size_px=16, held_out_frac=0.3, reader="hashed", num_workers=0)


def coloured(colour: tuple[int, ...], size: tuple[int, int] = (16, 16)) -> bytes:
    out = io.BytesIO()
    image = Image.new("RGBA", (16, 16))
    image.paste(Image.new("RGBA", size, colour), (0, 0))
    image.save(out, "PNG")
    return out.getvalue()


def several(num_reads: list[int] | None = None) -> Source:
    def drawings(_: Path) -> Iterator[Drawing]:
        if num_reads is not None:
            num_reads.append(1)
        for index in range(12):
            for style in ("flat", "3d"):
                tone = (20 * index, 255 - 20 * index, 128 if style == "3d" else 0, 255)
                yield Drawing(f"{style}-{index}", f"thing {index}", style, "MIT", "A. Maker",
                              coloured(tone, (16, 4 + index)), ("kind",))
        yield Drawing("copy", "thing 0", "flat", "MIT", "A. Maker", coloured((0, 255, 0, 255), (16, 4)))
        yield Drawing("closed", "secret", "flat", "GPL-3.0", "A. Maker", coloured((1, 2, 3, 255)))
        yield Drawing("blank", "nothing", "flat", "MIT", "A. Maker", coloured((0, 0, 0, 0)))
        yield Drawing("broken", "noise", "flat", "MIT", "A. Maker", b"not a picture")
    return Source("made", "made here", drawings)


def test_svg_and_raster_are_rendered_whole_and_in_the_middle() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="20" height="10" fill="#f00"/></svg>'
    found = render(svg, 16)
    assert found.shape == (16, 16, 4)
    assert tuple(found[8, 8]) == (255, 0, 0, 255) and not found[0].any() and not found[15].any()
    wide = io.BytesIO()
    Image.new("RGB", (40, 20), (0, 0, 255)).save(wide, "PNG")
    assert tuple(render(wide.getvalue(), 16)[8, 8]) == (0, 0, 255, 255)


def test_small_pictures_grow_by_whole_pixels() -> None:
    tile = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)).save(tile, "PNG")
    found = render(tile.getvalue(), 16)
    assert np.array_equal(found[::2, ::2], found[1::2, 1::2])


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + b"0" * 40, "<svg", "<p>no</p>"])
def test_what_is_no_picture_is_refused(content: bytes | str) -> None:
    with pytest.raises(BadInput, match=r"no (picture|drawing)"):
        render(content, 16)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(BadInput, match=r"can be read|too large"):
        render(bomb, 16)


def test_animated_and_cmyk_pictures_are_read() -> None:
    moving, printed = io.BytesIO(), io.BytesIO()
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(printed, "JPEG")
    for data in (moving, printed):
        red, green, blue, opacity = (int(value) for value in render(data.getvalue(), 16)[8, 8])
        assert red > 200 and green < 60 and blue < 60 and opacity == 255


def test_phrases_say_the_concept_first_and_its_colour() -> None:
    pixels = render(coloured((220, 40, 40, 255)), 16)
    found = phrases(Drawing("x", "Dragon", "flat", "MIT", "", b"", ("beast", "myth")), pixels)
    assert found[:2] == ("dragon", "red dragon") and len(found) == 4
    assert dominant(pixels) == "red" and dominant(np.zeros((4, 4, 4), np.uint8)) == ""
    assert phrases(Drawing("x", "red dragon", "flat", "MIT", "", b""), pixels) == ("red dragon",)
    assert named("#0a0a0a") == "black"


def test_emoji_codes_are_compared_without_the_sign_for_colour() -> None:
    assert code_key("2764-fe0f") == code_key("2764") == "2764"
    assert has_skin_tone("1f44d-1f3fd") and not has_skin_tone("1f44d")


def test_near_duplicates_are_found_and_others_are_not() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 4)).astype(np.uint8)
    other = np.random.default_rng(1).integers(0, 256, (32, 32, 4)).astype(np.uint8)
    seen = Seen()
    assert seen.add(picture, "one") and seen.add(other, "one")
    assert not seen.add(np.clip(picture.astype(int) + 2, 0, 255).astype(np.uint8), "one")
    assert not seen.add(picture.copy(), "another name")


def test_a_pack_holds_what_was_kept_and_says_why_the_rest_was_not(tmp_path: Path) -> None:
    gather(tmp_path, [several()], SETTINGS)
    pack = open_pack(tmp_path / "pack")
    assert pack.facts["num_pictures"] == len(pack.entries) == 24
    assert pack.facts["dropped"] == {"licence GPL-3.0": 1, "nearly empty": 1, "cannot be rendered": 1,
                                     "near duplicate": 1}
    assert pack.facts["credits"] == ["A. Maker (MIT; made): 24"]
    places, pixels = pack.pixels(16)
    assert pixels.shape == (24, 16, 16, 4)
    entry = pack.entries[places[5]]
    assert np.array_equal(pixels[5], next(render(drawing.content, 16) for drawing in several().drawings(tmp_path)
                                          if f"made/{drawing.name}" == entry.id))


def test_words_are_kept_to_a_small_error(tmp_path: Path) -> None:
    words = gather(tmp_path, [several()], SETTINGS).words
    index = words.phrases.index("thing 3")
    states = HashedWords().states("thing 3")
    wanted = (states - words.mean) @ words.basis
    assert words.of(index).shape == wanted.shape
    assert np.abs(words.of(index) - np.clip(wanted, -127 * words.scale, 127 * words.scale)).max() <= words.scale.max()


def test_held_out_pairs_are_of_concepts_known_in_another_style(tmp_path: Path) -> None:
    pack = gather(tmp_path, [several()], SETTINGS)
    apart = [entry for entry in pack.entries if entry.split == "held_out"]
    assert apart and len(apart) < 20
    assert all(held_out(entry.concept, entry.style, 0.3) for entry in apart)
    assert sum(held_out(f"concept {index}", "flat", 0.05) for index in range(4000)) == pytest.approx(200, abs=45)


def test_made_twice_a_pack_has_the_same_root_and_renders_once(tmp_path: Path) -> None:
    reads: list[int] = []
    first = gather(tmp_path / "one", [several(reads)], SETTINGS)
    again = gather(tmp_path / "one", [several(reads)], SETTINGS)
    elsewhere = gather(tmp_path / "two", [several()], SETTINGS)
    assert first.root == again.root == elsewhere.root and len(reads) == 1


def test_a_changed_pack_is_refused(tmp_path: Path) -> None:
    folder = gather(tmp_path, [several()], SETTINGS).folder
    shard = next(folder.glob("pixels-*"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(Damaged, match="was changed"):
        open_pack(folder).pixels(16)
    facts = json.loads((folder / "pack.json").read_text())
    (folder / "pack.json").write_text(json.dumps(facts | {"num_pictures": 5}))
    with pytest.raises(Damaged):
        open_pack(folder)
    with pytest.raises(NotHere, match="--only-data"):
        open_pack(tmp_path / "elsewhere")


def test_a_folder_s_captions_come_from_beside_or_from_names(tmp_path: Path) -> None:
    (tmp_path / "toys").mkdir()
    for name in ("toys/red_car_2.png", "a.png", "b.png"):
        (tmp_path / name).write_bytes(coloured((1, 2, 3, 255)))
    (tmp_path / "a.txt").write_text("a quiet house")
    (tmp_path / "captions.jsonl").write_text('{"file": "b.png", "caption": "a ship"}\n')
    found = {drawing.name: drawing for drawing in folder_source(tmp_path, "CC0-1.0").drawings(tmp_path)}
    assert [found[name].concept for name in ("toys/red_car_2.png", "a.png", "b.png")] == [
        "red car", "a quiet house", "a ship"]
    assert found["toys/red_car_2.png"].style == "toys" and found["a.png"].licence == "CC0-1.0"
    (tmp_path / "captions.jsonl").write_text('{"file": "gone.png", "caption": "a ship"}\n')
    with pytest.raises(BadInput, match=r"line 1 names 'gone.png'"):
        list(folder_source(tmp_path, "CC0-1.0").drawings(tmp_path))
    with pytest.raises(BadInput, match="holds no pictures"):
        folder_source(_empty(tmp_path), "x")


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def test_clip_art_tells_its_title_keywords_and_dedication() -> None:
    head = ('<svg xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:cc="http://web.resource.org/cc/" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:RDF><cc:Work><dc:title>Green Frog 02</dc:title>'
            '<dc:subject><rdf:Bag><rdf:li>animal</rdf:li></rdf:Bag></dc:subject><dc:creator><cc:Agent>'
            '<dc:title>Jo</dc:title></cc:Agent></dc:creator><cc:license rdf:resource="http://x/{}"/></cc:Work>'
            '</rdf:RDF></svg>')
    assert _facts(head.format("PublicDomain").encode()) == ("green frog", ("animal",), "Jo")
    assert _facts(head.format("by-nc").encode()) is None
    assert _facts(b"<svg") is None


def test_an_empty_prompt_and_an_unknown_reader_are_refused() -> None:
    with pytest.raises(BadInput, match="empty"):
        reader("hashed").states("  ")
    with pytest.raises(UnknownName):
        reader("clip")
