"""Any text-to-picture pipeline of the diffusers library, from a folder that the store has taken in.

Its weights are others' and so is what they were trained on; requests, seeds, checks and records are the room's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from makar.codecs.picture import Pixels
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.rooms.image.confidence import Nearness
from makar.rooms.image.finish import on_ground
from makar.rooms.image.given import Opened, opened
from makar.rooms.image.request import ImageRequest, ImageSampling
from makar.rooms.image.styles import Looks
from makar.store import StoredModel

SMALLEST_PX = 256
"""Pipelines were trained on larger pictures than the room's smallest; they draw at least this and are made smaller."""
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Pipeline:
    """A pipeline as a model of the room; its parts are read when it first draws."""

    name: str
    sha256: str
    training_data: str
    folder: Path
    looks: Looks = field(default_factory=lambda: Looks(()))
    concepts: tuple[str, ...] = ()
    usual: ImageSampling = field(default_factory=ImageSampling)

    @property
    def heeds(self) -> tuple[str, ...]:
        """Solver and times are the pipeline's own."""
        return ("steps", "guidance")

    @property
    def learned_as(self) -> str:
        """Itself."""
        return self.name

    @property
    def library(self) -> str:
        """What it is computed with."""
        return "torch"

    def nearness(self, prompt: str) -> Nearness:
        """Nobody knows what it was shown."""
        return Nearness(0.0, ())

    def pictures(self, request: ImageRequest) -> Iterator[tuple[int, Pixels]]:
        """Every candidate, drawn alone from a seed of its own.

        A picture to start from is laid on white, for pipelines know no transparency; where a mask forbids it, none of
        its pixels changes.

        Shapes: RGBA (S, S, 4)
        Raises: BadInput (a style, what the pipeline refuses), NotHere (diffusers), Damaged
        """
        self.looks.number(request.style)
        side_px = max(request.size_px, min(SMALLEST_PX, self.native_px))
        start = None if request.reference is None else opened(request.reference, side_px)
        pipeline, asked = self._begin(request, start, side_px)
        for index in range(request.n):
            random = torch.Generator().manual_seed(request.sampling.seed + index)
            try:
                drawn = _pixels(pipeline(**asked, generator=random, output_type="np").images[0])
            except (ValueError, TypeError) as error:
                raise BadInput(f"the pipeline '{self.name}' cannot draw that: {error!s:.200}") from error
            if start is not None and start.free is not None:
                drawn = np.where(start.free[..., None], drawn, on_ground(start.pixels, WHITE))
            yield index, drawn

    def _begin(self, request: ImageRequest, start: Opened | None, side_px: int) -> tuple[Any, dict[str, Any]]:
        """The pipeline that draws from words, from a picture or within a mask, of the same parts, and what it is told.

        Raises: BadInput (the library knows no such pipeline for these parts), NotHere, Damaged
        """
        sampling, pipeline = request.sampling, self._pipeline
        asked = {"prompt": request.prompt, "num_inference_steps": sampling.num_steps,
                 "guidance_scale": sampling.guidance}
        if start is None or request.reference is None:
            return pipeline, {**asked, "height": side_px, "width": side_px}
        from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting

        kind = AutoPipelineForImage2Image if start.free is None else AutoPipelineForInpainting
        try:
            pipeline = kind.from_pipe(pipeline)
        except ValueError as error:
            raise BadInput(f"the pipeline '{self.name}' draws from words alone ({error!s:.120}); to vary and to edit, "
                           "name a model of Makar's own") from error
        pipeline.set_progress_bar_config(disable=True)
        given = {"image": Image.fromarray(on_ground(start.pixels, WHITE)[..., :3]),
                 "strength": request.reference.strength_frac}
        if start.free is None:
            return pipeline, asked | given
        mask = Image.fromarray(start.free.astype(np.uint8) * 255)
        return pipeline, {**asked, **given, "mask_image": mask, "height": side_px, "width": side_px}

    @property
    def native_px(self) -> int:
        """The side of the pictures that it was made for."""
        pipeline = self._pipeline
        net = pipeline.components.get("unet") or pipeline.components.get("transformer")
        scale = getattr(pipeline, "vae_scale_factor", 8)
        return int(net.config.sample_size * scale) if net is not None else SMALLEST_PX

    @cached_property
    def _pipeline(self) -> Any:
        try:
            from diffusers import DiffusionPipeline
        except ImportError as error:
            raise NotHere("this model is a diffusers pipeline, and diffusers is not installed: "
                          "pip install 'makar[diffusers]'") from error
        device = "cuda" if torch.cuda.is_available() else "cpu"
        precise = torch.bfloat16 if device == "cuda" else torch.float32
        try:
            pipeline = DiffusionPipeline.from_pretrained(self.folder, local_files_only=True, use_safetensors=True,
                                                         torch_dtype=precise)
        except (OSError, ValueError, AttributeError, KeyError) as error:
            raise Damaged(f"the pipeline '{self.name}' cannot be opened: {error!s:.300}") from error
        pipeline.set_progress_bar_config(disable=True)
        return pipeline.to(device)


def build(stored: StoredModel) -> Pipeline:
    """The stored pipeline as the room uses it."""
    return Pipeline(stored.name, stored.sha256, stored.training_data, stored.folder)


def _pixels(drawn: Any) -> Pixels:
    """Shapes: (S, S, 3) from 0 to 1 -> (S, S, 4)"""
    colours = (np.asarray(drawn) * 255).round().clip(0, 255).astype(np.uint8)
    return np.concatenate((colours, np.full_like(colours[..., :1], 255)), -1)
