"""The k-quants against a slow reading of the block layouts, value by value. Source: ggml-common.h, block_q*_K."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path

import convert_sources as sources
import gguf
import numpy as np
import pytest
from gguf.constants import GGMLQuantizationType as Kind

from makar.kit.errors import BadInput
from makar.store.convert import convert
from makar.store.gguf_file import GGUFFile


def half(data: bytes, at: int) -> float:
    return float(struct.unpack_from("<e", data, at)[0])


def scale_and_min(packed: bytes, group: int) -> tuple[int, int]:
    """The 6-bit scale and minimum of one of eight groups of 32."""
    if group < 4:
        return packed[group] & 63, packed[group + 4] & 63
    low, high = packed[group + 4], (packed[group - 4], packed[group])
    return (low & 15) | (high[0] >> 6 << 4), (low >> 4) | (high[1] >> 6 << 4)


def q4_k(block: bytes) -> list[float]:
    d, least, packed, quants = half(block, 0), half(block, 2), block[4:16], block[16:]
    values = []
    for place in range(256):
        scale, offset = scale_and_min(packed, place // 32)
        byte = quants[place // 64 * 32 + place % 32]
        values.append(d * scale * (byte >> 4 if place // 32 % 2 else byte & 15) - least * offset)
    return values


def q5_k(block: bytes) -> list[float]:
    d, least, packed, highs, quants = half(block, 0), half(block, 2), block[4:16], block[16:48], block[48:]
    values = []
    for place in range(256):
        scale, offset = scale_and_min(packed, place // 32)
        byte = quants[place // 64 * 32 + place % 32]
        five = (byte >> 4 if place // 32 % 2 else byte & 15) | (highs[place % 32] >> (place // 32) & 1) << 4
        values.append(d * scale * five - least * offset)
    return values


def q6_k(block: bytes) -> list[float]:
    lows, highs, scales, d = block[:128], block[128:192], struct.unpack("<16b", block[192:208]), half(block, 208)
    values = []
    for place in range(256):
        side, within = divmod(place, 128)
        quarter, lane = divmod(within, 32)
        low = lows[side * 64 + quarter % 2 * 32 + lane]
        low = low >> 4 if quarter >= 2 else low & 15
        high = highs[side * 32 + lane] >> (2 * quarter) & 3
        values.append(d * scales[place // 16] * ((low | high << 4) - 32))
    return values


@pytest.mark.parametrize(("kind", "size", "scales_at", "reading"), [
    (Kind.Q4_K, 144, (0, 2), q4_k), (Kind.Q5_K, 176, (0, 2), q5_k), (Kind.Q6_K, 210, (208,), q6_k)])
def test_blocks_read_as_laid_out(tmp_path: Path, kind: Kind, size: int, scales_at: tuple[int, ...],
                                 reading: Callable[[bytes], list[float]]) -> None:
    random = np.random.default_rng(int(kind))
    blocks = random.integers(0, 256, (6, size), dtype=np.uint8)
    for at in scales_at:
        scales = random.uniform(-0.05, 0.05, 6).astype(np.float16)
        blocks[:, at:at + 2] = scales.view(np.uint8).reshape(6, 2)
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tensor("t", blocks.reshape(3, 2 * size), raw_dtype=kind)
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    expected = np.array([reading(block.tobytes()) for block in blocks]).reshape(3, 512)
    with GGUFFile(tmp_path / "m.gguf") as file:
        assert file.tensors["t"].shape == (3, 512) and math.prod(file.tensors["t"].shape) == 1536
        np.testing.assert_allclose(file.rows("t", np.array([2, 0])), expected[[2, 0]], rtol=2e-6, atol=1e-6)


def test_a_type_that_is_not_read_is_named(tmp_path: Path) -> None:
    blocks = np.zeros((2, 66), dtype=np.uint8)
    file = sources.write_gguf(tmp_path / "m.gguf", sources.hub_weights(), tensors={"t": (blocks, Kind.TQ2_0)})
    with pytest.raises(BadInput, match="TQ2_0, which Makar does not read; use a file in one of: F32, F16"):
        convert(file, tmp_path / "native")
