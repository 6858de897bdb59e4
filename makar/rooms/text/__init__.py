"""The text room: messages in, prose, JSON or a choice out."""

from __future__ import annotations

from makar.methods.autoregress import Runtime
from makar.room import Room
from makar.rooms.text.models import build
from makar.rooms.text.request import TextRequest
from makar.rooms.text.sample import sample

__all__ = ["ROOM", "TextRequest"]


def _media_type(request: TextRequest) -> str:
    constraint = request.constraint
    return "application/json" if constraint is not None and constraint.kind == "json_schema" else "text/plain"


ROOM = Room(name="text", request=TextRequest, build=build, sample=sample, media_type=_media_type,
            marked=lambda request, index: request.sampling.marked, models=("causal", "tiny"),
            usual=Runtime())
