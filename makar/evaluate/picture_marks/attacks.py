"""What is done to pictures on their way: each attack by how strong it is, on a curve of its own."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from makar.marks.pictures import Picture

SCREEN = (236, 238, 243)


@dataclass(frozen=True)
class Attack:
    """One attack. asked: it is among those that a mark must survive; on: (picture, chance) -> an image file"""

    curve: str
    strength: float
    on: Callable[[Picture, np.random.Generator], bytes]
    asked: bool = False

    @property
    def name(self) -> str:
        """Its curve and strength."""
        return f"{self.curve} {self.strength:g}"


def jpeg(rgba: Picture, chance: np.random.Generator, quality: float) -> bytes:
    """On white, in JPEG of that quality."""
    return _file(_on(Image.fromarray(rgba), "white"), "JPEG", quality=int(quality))


def webp(rgba: Picture, chance: np.random.Generator, quality: float) -> bytes:
    """In lossy WebP of that quality."""
    return _file(Image.fromarray(rgba), "WEBP", quality=int(quality))


def kept(rgba: Picture, chance: np.random.Generator, share: float) -> bytes:
    """A rectangle of that share of the area, somewhere."""
    height, width = (max(1, round(size * share**0.5)) for size in rgba.shape[:2])
    top, left = (int(chance.integers(0, whole - part + 1)) for whole, part in zip(rgba.shape, (height, width),
                                                                                  strict=False))
    return _file(Image.fromarray(np.ascontiguousarray(rgba[top:top + height, left:left + width])), "PNG")


def resized(rgba: Picture, chance: np.random.Generator, factor: float) -> bytes:
    """Enlarged or reduced by that factor."""
    return _file(_resized(rgba, factor), "PNG")


def noisy(rgba: Picture, chance: np.random.Generator, deviation: float) -> bytes:
    """With normal noise of that deviation, of 255."""
    return _changed(rgba, lambda colours: colours + chance.normal(0, deviation, colours.shape))


def contrast(rgba: Picture, chance: np.random.Generator, factor: float) -> bytes:
    """With that contrast, and brighter by 16 of 255."""
    return _changed(rgba, lambda colours: (colours - 128) * factor + 144)


def screenshot(rgba: Picture, chance: np.random.Generator, quality: float) -> bytes:
    """Scaled by 0.75 to 1.5, laid somewhere on a page half as large again, in JPEG of that quality."""
    shown = _resized(rgba, float(chance.uniform(0.75, 1.5)))
    page = Image.new("RGB", (shown.width * 3 // 2, shown.height * 3 // 2), SCREEN)
    at = (int(chance.integers(0, shown.width // 2 + 1)), int(chance.integers(0, shown.height // 2 + 1)))
    page.paste(shown, at, shown)
    return _file(page, "JPEG", quality=int(quality))


def _curve(curve: str, on: Callable[..., bytes], strengths: tuple[float, ...],
           asked: tuple[float, ...]) -> list[Attack]:
    return [Attack(curve, strength, functools.partial(_at, on, strength), strength in asked) for strength in strengths]


def _at(on: Callable[..., bytes], strength: float, rgba: Picture, chance: np.random.Generator) -> bytes:
    return on(rgba, chance, strength)


ATTACKS = (
    *_curve("JPEG quality", jpeg, (10, 20, 30, 50, 75, 90), (50, 75)),
    *_curve("WebP quality", webp, (50, 75), (75,)),
    *_curve("share kept", kept, (0.1, 0.25, 0.5, 0.75), (0.5,)),
    *_curve("resized", resized, (0.25, 0.5, 0.73, 1.4, 2.0), (0.5, 0.73, 1.4, 2.0)),
    *_curve("noise", noisy, (5, 10, 20), (5,)),
    *_curve("contrast", contrast, (0.5, 0.8, 1.2), (0.8, 1.2)),
    *_curve("screenshot quality", screenshot, (50, 80), (80,)),
)


def _on(picture: Image.Image, colour: Any) -> Image.Image:
    ground = Image.new("RGB", picture.size, colour)
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def _resized(rgba: Picture, factor: float) -> Image.Image:
    size = (max(1, round(rgba.shape[1] * factor)), max(1, round(rgba.shape[0] * factor)))
    return Image.fromarray(rgba).resize(size, Image.Resampling.BICUBIC)


def _changed(rgba: Picture, change: Callable[[Any], Any]) -> bytes:
    colours = np.rint(np.clip(change(rgba[..., :3].astype(np.float64)), 0, 255)).astype(np.uint8)
    return _file(Image.fromarray(np.dstack((colours, rgba[..., 3]))), "PNG")


def _file(picture: Image.Image, form: str, quality: int | None = None) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **({} if quality is None else {"quality": quality}))
    return file.getvalue()
