"""The code room: a task on Python source in, code out (for `explain`, prose)."""

from __future__ import annotations

from makar.methods.autoregress import Runtime
from makar.room import Room
from makar.rooms.code.models import build
from makar.rooms.code.request import CodeRequest, media_type
from makar.rooms.code.sample import sample

__all__ = ["ROOM", "CodeRequest"]

ROOM = Room(name="code", request=CodeRequest, build=build, sample=sample, media_type=media_type,
            marked=lambda request, index: request.sampling.marked, models=("causal", "tiny"),
            usual=Runtime())
