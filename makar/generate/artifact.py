"""What a model made, with all that is needed to say where it came from. It has not left yet."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from threadpoolctl import threadpool_info

from makar.kit.content import Content, data_of, text_of


@dataclass(frozen=True)
class Artifact:
    """A content, the request it answers, the weights and the seed. Only a seal can turn it into a Released.

    checkpoint: `name`, `sha256` (the weights' identity) and `training_data` (what is known of it).
    content: text, or the bytes of a file; `data` is the bytes of either
    finish: stop (the model ended it), length (the token limit did), interrupted, or composed (several steps made it).
    parents: ids of the artifacts it was made from.
    mark: `scheme` and `key` of the mark it carries, or `not_marked` and why.
    """

    id: str
    room: str
    media_type: str
    content: Content
    request: Mapping[str, Any]
    checkpoint: Mapping[str, str]
    seed: int
    finish: str
    num_tok: int
    seconds: float
    parents: tuple[str, ...] = ()
    platform: Mapping[str, Any] = field(default_factory=dict)
    logprobs: tuple[Mapping[str, Any], ...] = ()
    mark: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        """The bytes that are hashed and kept."""
        return data_of(self.content)

    @property
    def text(self) -> str:
        """The content of a room that makes text."""
        return text_of(self.content)


def new_id() -> str:
    """32 hex digits that sort by the time they were made (the layout of UUID version 7).

    Source: RFC 9562, section 5.7
    """
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return f"{value:032x}"


def this_platform(*libraries: str) -> dict[str, Any]:
    """What of this machine can change the bytes of what is computed with these packages."""
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in libraries if name != "torch"},
        **(_torch() if "torch" in libraries else {}),
        **(_blas() if "numpy" in libraries else {}),
    }


def _torch() -> dict[str, Any]:
    import torch

    return {"torch": str(torch.__version__), "cpu": torch.backends.cpu.get_cpu_capability(),
            "num_threads": torch.get_num_threads()}


def _blas() -> dict[str, Any]:
    """What multiplies NumPy's matrices, and for which processor."""
    found = [" ".join(str(lib.get(key) or "") for key in ("internal_api", "version", "architecture")).strip()
             for lib in threadpool_info() if lib["user_api"] == "blas"]
    return {"blas": ", ".join(sorted(set(found)))}
