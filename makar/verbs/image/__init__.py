"""`makar.image` and what is done with a picture that is there: vary it, edit it, make it larger."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from makar.kit.errors import BadInput
from makar.verbs.image.options import ImageOptions, ImageSettings, begin, default_model, options_of

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released
    from makar.provenance.work import Work
    from makar.rooms.image import Reference

__all__ = ["ImageOptions", "ImageSettings", "begin", "begin_edit", "begin_upscale", "begin_vary", "contact_sheet",
           "edit_image", "image", "options_of", "styles", "upscale_image", "vary_image"]

VARY_STRENGTH = 0.5


def image(prompt: str, *, ledger: Ledger | None = None, **settings: Unpack[ImageSettings]) -> Released | list[Released]:
    """A picture of what the prompt says, released; a list of them where `n` is more than one. See ImageOptions.

    Raises: Withheld (with the reasons), BadInput, UnknownName, NotHere, NoNetwork, Damaged
    """
    return begin(prompt, options_of(settings), ledger=ledger).release()


def vary_image(picture: str | Path | bytes, *, ledger: Ledger | None = None,
               **settings: Unpack[ImageSettings]) -> Released | list[Released]:
    """Another picture like the one that is given: a path, or the bytes of a file. `strength` says how unlike.

    Raises: as `image`
    """
    return begin_vary(picture, options_of({"strength": VARY_STRENGTH, **settings}), ledger=ledger).release()


def edit_image(picture: str | Path | bytes, prompt: str, *, mask: str | Path | bytes | None = None,
               ledger: Ledger | None = None, **settings: Unpack[ImageSettings]) -> Released | list[Released]:
    """The picture made into what the prompt says, only where the mask is white if there is one.

    Raises: as `image`
    """
    return begin_edit(picture, prompt, options_of(settings), mask=mask, ledger=ledger).release()


def upscale_image(picture: str | Path | bytes, *, ledger: Ledger | None = None,
                  **settings: Unpack[ImageSettings]) -> Released | list[Released]:
    """The same picture four times as large, or as large as `size` says; `style="pixel"` keeps pixels as squares.

    Raises: as `image`
    """
    return begin_upscale(picture, options_of({"size": 0, **settings}), ledger=ledger).release()


def begin_vary(picture: str | Path | bytes, options: ImageOptions, *, ledger: Ledger | None = None) -> Work:
    """As `vary_image`, ready to be released. Raises: as `image`"""
    return begin("", options, ledger=ledger, reference=_reference(picture, None, options))


def begin_edit(picture: str | Path | bytes, prompt: str, options: ImageOptions, *, ledger: Ledger | None = None,
               mask: str | Path | bytes | None = None) -> Work:
    """As `edit_image`, ready to be released. Raises: as `image`"""
    if not prompt.strip():
        raise BadInput("the prompt is empty; say what is to be there, for example: makar image edit cat.png \"a hat\"")
    return begin(prompt, options, ledger=ledger, reference=_reference(picture, mask, options))


def begin_upscale(picture: str | Path | bytes, options: ImageOptions, *, ledger: Ledger | None = None) -> Work:
    """As `upscale_image`, ready to be released; a size of 0 is four times the picture's. Raises: as `image`"""
    from makar.rooms.image.request import SIZES_PX
    from makar.store.pictures import ENLARGED_BY_PIXELS, ESRGAN
    from makar.verbs.image.reference import read, riding

    if options.style not in (None, "pixel"):
        raise BadInput(f"a picture is made larger as it is, or with --style pixel; got '{options.style}'")
    pixels = read(picture)
    side = max(pixels.shape[:2])
    size = options.size or next((one for one in SIZES_PX if one >= 4 * side), SIZES_PX[-1])
    if size <= side:
        raise BadInput(f"the picture is {side} px already, and the largest that is made has {SIZES_PX[-1]}; "
                       f"ask for more than its own size" if options.size else
                       f"the picture is {side} px already, and the largest that is made has {SIZES_PX[-1]}")
    model = ENLARGED_BY_PIXELS if options.style == "pixel" else ESRGAN.name
    options = dataclasses.replace(options, size=size, model=model, style=None)
    return begin("", options, ledger=ledger, reference=riding(pixels))


def styles(model: str | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The styles that a model knows, and then the sources whose look can be asked for as well.

    Raises: UnknownName, Damaged
    """
    from makar.generate.load import load
    from makar.rooms.image import ROOM

    looks = load(ROOM, model or default_model()).looks
    return looks.families, tuple(name for name in looks.names if name not in looks.families)


def _reference(picture: str | Path | bytes, mask: str | Path | bytes | None, options: ImageOptions) -> Reference:
    from makar.verbs.image.reference import read, riding

    pixels = read(picture)
    return riding(pixels, None if mask is None else read(mask, "the mask"), options.strength)


def contact_sheet(works: Sequence[Released], *, policy: str = "default", ledger: Ledger | None = None) -> Released:
    """Many pictures on one sheet: a work of its own, whose parents they are.

    Raises: Withheld
    """
    from makar.verbs.image.sheet import composed

    return composed(works, policy=policy, ledger=ledger)
