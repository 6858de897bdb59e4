"""The last steps of a picture: its background, its size, its mark, its file."""

from __future__ import annotations

from collections.abc import Mapping

from makar.codecs.enlarge import by_net, by_pixels
from makar.codecs.picture import FORMS, Pixels, encoded, on_ground, resized
from makar.codecs.vector import vectorised
from makar.marks.image import embed, payload_of, statement
from makar.marks.key import key
from makar.rooms.image.request import TRANSPARENT, ImageRequest, colour_named
from makar.store.pictures import ENLARGED_BY_PIXELS, ESRGAN

PLAIN_PX = 128
"""Up to this side a picture is brought to its size without a net."""
WHITE = (255, 255, 255)


def finish(rgba: Pixels, request: ImageRequest, index: int) -> bytes:
    """The file of one candidate.

    Shapes: (S, S, 4)
    Raises: NotHere (vtracer, resvg, ncnn), NoNetwork, Damaged
    """
    if request.background != TRANSPARENT:
        rgba = on_ground(rgba, colour_named(request.background))
    elif not FORMS[request.form].alpha:
        rgba = on_ground(rgba, WHITE)
    if request.form == "svg":
        return vectorised(rgba, crisp=request.enlarger == ENLARGED_BY_PIXELS, side_px=request.size_px).svg
    return encoded(_marked(sized(rgba, request), request, index), request.form)


def sized(rgba: Pixels, request: ImageRequest) -> Pixels:
    """The picture at the size that was asked for. Shapes: (S, S, 4) -> (size_px, size_px, 4)"""
    if len(rgba) >= request.size_px:
        return resized(rgba, request.size_px)
    if request.enlarger == ENLARGED_BY_PIXELS:
        return by_pixels(rgba, request.size_px)
    if request.enlarger == ESRGAN.name and request.size_px > PLAIN_PX:
        return by_net(rgba, request.size_px)
    return resized(rgba, request.size_px)


def finished_with(request: ImageRequest) -> tuple[str, ...]:
    """The packages whose versions can change the bytes of the file, besides what draws."""
    enlarged = request.enlarger == ESRGAN.name and request.size_px > PLAIN_PX and request.form != "svg"
    return ("vtracer" if request.form == "svg" else "pillow", *(["ncnn"] if enlarged else []))


def marked(request: ImageRequest, index: int) -> Mapping[str, str]:
    """What the record says of the mark: its scheme, key and payload, or why there is none."""
    if not request.mark:
        return {"not_marked": "no mark was asked for"}
    if not FORMS[request.form].marks:
        return {"not_marked": f"the mark lies in pixels; a file of the form {request.form} is not marked"}
    return statement(request.mark, payload_of(request, index))


def _marked(rgba: Pixels, request: ImageRequest, index: int) -> Pixels:
    if not request.mark or not FORMS[request.form].marks:
        return rgba
    return embed(rgba, key(request.mark), payload_of(request, index))
