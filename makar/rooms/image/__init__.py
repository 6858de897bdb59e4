"""The picture room: words in, small pictures with transparent backgrounds out."""

from __future__ import annotations

from makar.codecs.picture import FORMS
from makar.room import Room
from makar.rooms.image.confidence import Nearness
from makar.rooms.image.finish import finished_with, marked
from makar.rooms.image.models import PictureModel, build
from makar.rooms.image.request import ImageRequest, ImageSampling, Reference
from makar.rooms.image.sample import sample

__all__ = ["ROOM", "ImageRequest", "ImageSampling", "Nearness", "Reference"]


def _media_type(request: ImageRequest) -> str:
    return FORMS[request.form].media_type


def _libraries(model: PictureModel, request: ImageRequest) -> tuple[str, ...]:
    return (model.library, *finished_with(request))


ROOM = Room(name="image", request=ImageRequest, build=build, sample=sample, media_type=_media_type,
            marked=marked, libraries=_libraries,
            models=("patchflow", "cleaned", "avatars", "diffusers", "enlarging", "tiny"))
