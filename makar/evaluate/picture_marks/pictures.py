"""The pictures that marks are measured on, at the sizes that works have."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from makar.codecs.picture import glance
from makar.kit.errors import BadInput, NotHere
from makar.marks.pictures import Picture

SIZES_PX = (32, 64, 128, 256, 512)
LEAST_SEEN_FRAC = 0.1
_MOST_BYTES = 64_000_000


def pictures(path: Path) -> list[Picture]:
    """The pictures of a tar archive, or the one of a file, that are not nearly empty.

    Raises: NotHere, BadInput (none)
    """
    read = (np.asarray(picture) for picture in map(glance, _files(path)) if picture is not None)
    found = [rgba for rgba in read if (rgba[..., 3] > 0).mean() >= LEAST_SEEN_FRAC]
    if not found:
        raise BadInput(f"'{path}' holds no picture; marks are measured on a tar archive of PNG files or the like")
    return found


def sized(rgba: Picture, size_px: int) -> Picture:
    """The picture with that longer side. Shapes: (H, W, 4) -> (h, w, 4)"""
    factor = size_px / max(rgba.shape[:2])
    size = (max(1, round(rgba.shape[1] * factor)), max(1, round(rgba.shape[0] * factor)))
    return np.asarray(Image.fromarray(rgba).resize(size, Image.Resampling.LANCZOS))


def _files(path: Path) -> Iterator[bytes]:
    if not path.is_file():
        raise NotHere(f"there is no file '{path}'")
    if not tarfile.is_tarfile(path):
        yield path.read_bytes()
        return
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() and member.size <= _MOST_BYTES else None
                if file is not None:
                    yield file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadInput(f"'{path}' cannot be read as an archive: {error}") from error
