"""Pictures to mark: round shapes with edges, shades and transparency, as icons have them."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
from PIL import Image

from makar.marks.key import MarkKey


def key(name: str = "one") -> MarkKey:
    return MarkKey(hashlib.sha256(name.encode()).digest())


def icon(size_px: int, seed: int = 0) -> Any:
    """Seven discs of several colours and shades on nothing. Shapes: -> (size, size, 4)"""
    chance = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(0, 1, size_px), np.linspace(0, 1, size_px))
    out = np.zeros((size_px, size_px, 4))
    out[..., :3] = 77  # hidden under alpha 0
    for _ in range(7):
        middle, radius = chance.uniform(0.3, 0.7, 2), chance.uniform(0.15, 0.35)
        away = np.hypot(across - middle[0], down - middle[1])
        cover = np.clip((radius - away) * size_px + 0.5, 0, 1)[..., None]
        colour = chance.uniform(20, 235, 3) + 40 * (across - down)[..., None]
        out[..., :3] = np.where(cover > 0, out[..., :3] * (1 - cover) + colour * cover, out[..., :3])
        out[..., 3:] = np.maximum(out[..., 3:], cover * 255)
    return np.rint(np.clip(out, 0, 255)).astype(np.uint8)


def encoded(rgba: Any, form: str = "PNG", **settings: Any) -> bytes:
    """An image file; without transparency it lies on white."""
    picture = Image.fromarray(rgba)
    if form == "JPEG":
        picture = on_ground(picture, picture.size, (0, 0), "white")
    file = io.BytesIO()
    picture.save(file, form, **settings)
    return file.getvalue()


def on_ground(picture: Any, size: tuple[int, int], at: tuple[int, int], colour: Any) -> Any:
    ground = Image.new("RGB", size, colour)
    ground.paste(picture, at, picture)
    return ground


def resized(rgba: Any, factor: float) -> Any:
    size = (round(rgba.shape[1] * factor), round(rgba.shape[0] * factor))
    return np.asarray(Image.fromarray(rgba).resize(size, Image.Resampling.BICUBIC))
