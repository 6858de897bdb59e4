"""What is blank, broken, sexual, a near-copy or asked for in forbidding words is told, and usual drawings are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from makar.checks import applicable, load_checks, run
from makar.checks.near_copy import settings
from makar.codecs.picture import encoded
from makar.codecs.vector import vectorised
from makar.tracing.pictures import Told, write_index
from makar.verdict import Subject, Verdict

SIDE = 48


def drawn(seed: int) -> np.ndarray:
    """A few shapes in a few colours, on nothing."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
    rows, columns = np.indices((SIDE, SIDE))
    for _ in range(4):
        row, column, reach = *random.integers(10, SIDE - 10, 2), random.integers(5, 12)
        inside = np.hypot(rows - row, columns - column) < reach
        pixels[inside] = (*random.integers(0, 200, 3), 255)
    return pixels


def verdict(name: str, content: bytes, **asked: object) -> Verdict:
    check = load_checks([name])[0]
    subject = Subject(content, "image/png", asked)
    assert applicable(check, subject)
    return run(check, subject)


BLANK = {
    "nothing is painted": np.zeros((SIDE, SIDE, 4), np.uint8),
    "one colour all over": np.full((SIDE, SIDE, 4), 255, np.uint8),
    "opacity is broken": np.dstack((drawn(0)[..., :3], np.full((SIDE, SIDE), 120, np.uint8))),
    "it is noise": np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 4)).astype(np.uint8),
}


@pytest.mark.parametrize("says", BLANK)
def test_what_shows_nothing_is_told(says: str) -> None:
    found = verdict("blank_picture", encoded(BLANK[says], "png"))
    assert not found.passed and says in found.reason


def test_noise_is_told_when_it_was_enlarged_and_a_file_cut_short_is_no_picture() -> None:
    large = np.random.default_rng(2).integers(0, 256, (64, 64, 4)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    assert "noise" in verdict("blank_picture", encoded(large, "png")).reason
    assert "cut short" in verdict("blank_picture", encoded(drawn(0), "png")[:200]).reason


@pytest.mark.parametrize("form", ["png", "webp", "jpeg", "ico"])
def test_drawings_pass_in_every_form(form: str) -> None:
    assert all(verdict("blank_picture", encoded(drawn(seed), form)).passed for seed in range(5))


def test_a_silhouette_and_a_vector_drawing_pass() -> None:
    black = drawn(3)
    black[..., :3] = 0
    assert verdict("blank_picture", encoded(black, "png")).passed
    assert verdict("blank_picture", vectorised(drawn(3)).svg).passed
    assert not verdict("blank_picture", vectorised(np.zeros((SIDE, SIDE, 4), np.uint8)).svg).passed


def test_without_its_weights_the_look_for_sexual_pictures_does_not_pass(tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path))
    monkeypatch.setenv("MAKAR_OFFLINE", "1")
    found = verdict("nsfw_picture", encoded(drawn(0), "png"))
    assert not found.passed and found.score == 0
    assert "not judged" in found.reason and "makar models pull open-nsfw" in found.reason


@pytest.fixture
def indexed(tmp_path: Path) -> dict[str, object]:
    path = tmp_path / "pictures.safetensors"
    write_index(path, ((Told(f"shape-{seed}", "shapes", "MIT", "A. Maker"), drawn(seed)) for seed in range(40)))
    return settings([path])


def test_a_copy_is_told_with_its_name_licence_and_maker(indexed: dict[str, object]) -> None:
    found = verdict("near_copy", encoded(drawn(7), "webp"), near_copy=indexed)
    assert not found.passed and found.score == 0
    assert "shapes/shape-7 (MIT, by A. Maker; 0 of 256 waves" in found.reason


def test_a_copy_that_was_moved_and_scaled_is_told_and_another_drawing_is_not(indexed: dict[str, object]) -> None:
    moved = np.zeros((96, 96, 4), np.uint8)
    moved[10:10 + SIDE, 30:30 + SIDE] = drawn(7)
    assert "shape-7" in verdict("near_copy", encoded(moved, "png"), near_copy=indexed).reason
    assert not verdict("near_copy", encoded(moved, "png"), near_copy=indexed).passed
    mirrored = verdict("near_copy", encoded(moved[:, ::-1], "png"), near_copy=indexed)
    assert not mirrored.passed and "shape-7 (MIT, by A. Maker; mirrored; " in mirrored.reason
    other = verdict("near_copy", encoded(drawn(99), "png"), near_copy=indexed)
    assert other.passed and "no near-copy of 40 indexed pictures; the nearest is shapes/shape-" in other.reason


def test_an_index_that_was_changed_since_is_not_judged_by(indexed: dict[str, object], tmp_path: Path) -> None:
    write_index(tmp_path / "pictures.safetensors", [(Told("one", "other", "CC0-1.0"), drawn(1))])
    found = verdict("near_copy", encoded(drawn(7), "png"), near_copy=indexed)
    assert not found.passed and "not judged" in found.reason


SEXUAL = ["a nude woman", "hentai girl", "two people having sex", "p0rn star", "a naked man", "sexy nurse in lingerie",
          "a man without clothes", "NSFW anime", "an erotic scene", "b00bs", "a person masturbating", "rule 34 pikachu"]
DECENT = ["naked mole rat", "same-sex couple", "a cockerel", "a great tit", "pussy willow", "breast cancer ribbon",
          "female sex symbol", "a bra", "essex", "sussex flag", "a rooster", "nuclear plant", "seen with the naked eye",
          "grape juice", "a scrape", "unisex toilet"]


@pytest.mark.parametrize("prompt", SEXUAL)
def test_words_that_ask_for_sexual_content_are_told(prompt: str) -> None:
    found = verdict("prompt_sexual", b"", prompt=prompt)
    assert not found.passed and "asks for sexual content" in found.reason


@pytest.mark.parametrize("prompt", DECENT)
def test_words_that_only_look_like_it_pass(prompt: str) -> None:
    assert verdict("prompt_sexual", b"", prompt=prompt).passed


@pytest.mark.parametrize("prompt", ["taylor swift", "a sticker of Donald  Trump", "Elon Musk on mars", "beyoncé sings",
                                    "a portrait of Priya Raghunathan", "John F. Kennedy", "Maria da Silva smiling"])
def test_a_persons_name_is_told(prompt: str) -> None:
    assert "seems to name a person" in verdict("prompt_likeness", b"", prompt=prompt).reason


@pytest.mark.parametrize("prompt", ["a red dragon", "Alice in Wonderland", "Peter Pan", "a Jack Russell dog",
                                    "mark the box",
                                    "A Frank discussion", "statue of liberty", "a woman with red hair", "Robin Hood"])
def test_other_words_are_no_names(prompt: str) -> None:
    assert verdict("prompt_likeness", b"", prompt=prompt).passed


def test_what_the_model_does_not_know_is_told_with_what_it_does() -> None:
    nearness = {"score_frac": 0.2, "least_frac": 0.5, "concepts": ["dragon", "lizard"]}
    found = verdict("prompt_known", b"", nearness=nearness)
    assert not found.passed and found.reason.endswith("the nearest that it knows: dragon, lizard")
    assert verdict("prompt_known", b"", nearness={**nearness, "score_frac": 0.7}).passed
