"""Weights of 8 or 4 bits in the order the kernel reads them: one stream of bytes, each used the moment it arrives.

A matrix (rows, cols) is cut into panels of 16 rows and groups of 32 columns. Where a panel meets a group stands one
block, a whole number of cache lines:

    16 scales (fp16), 16 mins (fp16), then the quants q of the 16 rows       value = scale * q + min
    8 bits: for each quad j = 0..7 of columns, for each row, q of columns 4j to 4j+3: 64 bytes per quad
    4 bits: for each j = 0..3, for each row, columns 4j.. in the low halves of 4 bytes and 4(j+4).. in the high ones

So 64 bytes hold 16 rows by 4 columns, which is what one dot-product instruction takes. Blocks follow each other along
the groups, panels one another; rows beyond the last are zero, and columns beyond the last meet activations of zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from makar.kit.errors import Damaged

GROUP, PANEL = 32, 16
WIDTHS = (4, 8)
_ROWS_AT_ONCE = 4096


def block_bytes(bits: int) -> int:
    """Scales, mins and quants of 16 rows by 32 columns."""
    return 4 * PANEL + GROUP * PANEL * bits // 8


@dataclass(frozen=True)
class Packed:
    """A packed matrix. Memory-mapped bytes may be given as they are, at best aligned to 64.

    Shapes: data (panels, groups, block_bytes(bits)), uint8
    Raises: Damaged (bytes of another shape)
    """

    rows: int
    cols: int
    bits: int
    data: Tensor

    def __post_init__(self) -> None:
        if self.bits not in WIDTHS or self.rows < 1 or self.cols < 1:
            raise Damaged(f"packed weights of {self.rows} x {self.cols} at {self.bits} bits; known: {WIDTHS} bits")
        shape = packed_shape(self.rows, self.cols, self.bits)
        if tuple(self.data.shape) != shape or self.data.dtype != torch.uint8 or not self.data.is_contiguous():
            raise Damaged(f"packed weights of {self.rows} x {self.cols} at {self.bits} bits: expected {shape} bytes, "
                          f"got {tuple(self.data.shape)} {self.data.dtype}")

    def bytes(self) -> int:
        """What reading the matrix once reads."""
        return self.data.numel()


def packed_shape(rows: int, cols: int, bits: int) -> tuple[int, int, int]:
    """(panels, groups, bytes of a block)"""
    return -(-rows // PANEL), -(-cols // GROUP), block_bytes(bits)


def pack(weight: Tensor, bits: int) -> Packed:
    """Quantises each group of 32: from its smallest value to its largest, then fitted by least squares at 4 bits.

    Shapes: weight (rows, cols)
    Raises: Damaged (a weight that is no number)
    """
    rows, cols = weight.shape
    data = torch.empty(packed_shape(rows, cols, bits), dtype=torch.uint8)
    for start in range(0, rows, _ROWS_AT_ONCE):
        part = weight[start:start + _ROWS_AT_ONCE].float()
        if not _finite(part):
            raise Damaged(f"weights of {rows} x {cols}: not every one is a finite number")
        q, scale, low = _quantise(part, bits)
        data[start // PANEL:(start + len(part) - 1) // PANEL + 1] = _blocks(q, scale, low, bits)
    return Packed(rows, cols, bits, data)


def pack_blocks(q: Tensor, scale: Tensor, low: Tensor, bits: int) -> Packed:
    """Packs quants that exist already, such as those of a GGUF file; exact but for fp16 scales and mins.

    Shapes: q (rows, groups, 32) from 0 to 2^bits - 1; scale, low (rows, groups)
    Raises: Damaged (a scale that fp16 cannot hold)
    """
    rows, num_groups, _ = q.shape
    data = torch.empty(packed_shape(rows, num_groups * GROUP, bits), dtype=torch.uint8)
    for start in range(0, rows, _ROWS_AT_ONCE):
        part = slice(start, min(start + _ROWS_AT_ONCE, rows))
        halves = scale[part].half(), low[part].half()
        if not all(map(_finite, halves)):
            raise Damaged(f"quantised weights of {rows} x {num_groups * GROUP}: a scale is beyond fp16")
        data[start // PANEL:(part.stop - 1) // PANEL + 1] = _blocks(q[part].to(torch.uint8), *halves, bits)
    return Packed(rows, num_groups * GROUP, bits, data)


def unpack(packed: Packed) -> Tensor:
    """The values that the kernel multiplies by. Shapes: (rows, cols), fp32"""
    panels, groups, _ = packed.data.shape
    halves = packed.data[:, :, : 4 * PANEL].contiguous().view(torch.float16).float()  # (P, G, 2 * 16)
    scale, low = halves.view(panels, groups, 2, PANEL, 1).unbind(2)
    quads = packed.data[:, :, 4 * PANEL:].reshape(panels, groups, -1, PANEL, 4)
    if packed.bits == 4:
        quads = torch.cat((quads & 15, quads >> 4), 2)
    q = quads.transpose(2, 3).reshape(panels, groups, PANEL, GROUP)
    values = torch.addcmul(low, q.float(), scale)  # (P, G, 16, 32)
    return values.transpose(1, 2).reshape(panels * PANEL, groups * GROUP)[: packed.rows, : packed.cols].contiguous()


def _finite(values: Tensor) -> bool:
    """Whether no value is infinite or not a number, in one pass: NaN is both the least and the largest."""
    least, most = values.aminmax()
    return math.isfinite(least) and math.isfinite(most)


def _quantise(weight: Tensor, bits: int) -> tuple[Tensor, Tensor, Tensor]:
    rows, cols = weight.shape
    # what fills the last group repeats a real column, so that it does not widen the range
    fill = weight[:, -1:].expand(rows, -cols % GROUP)
    groups = torch.cat((weight, fill), 1).view(rows, -1, GROUP)
    top = 2**bits - 1
    low = groups.amin(-1).half()
    scale = ((groups.amax(-1) - low.float()) / top).half()
    q = _nearest(groups, scale, low, top)
    for _ in range(4 if bits < 8 else 0):
        tried = _fit(groups, q)
        new = _nearest(groups, *tried, top)
        better = _error(groups, new, *tried) < _error(groups, q, scale, low)
        scale, low = torch.where(better, tried[0], scale), torch.where(better, tried[1], low)
        q = torch.where(better.unsqueeze(-1), new, q)
    return q.to(torch.uint8), scale, low


def _nearest(groups: Tensor, scale: Tensor, low: Tensor, top: int) -> Tensor:
    wide = scale.float().unsqueeze(-1)
    q = (groups - low.float().unsqueeze(-1)) / torch.where(wide == 0, 1.0, wide)
    return q.round_().clamp_(0, top)


def _fit(groups: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """The scale and min with the least squared error for given quants."""
    mean_q, mean = q.mean(-1), groups.mean(-1)
    spread = (q * q).mean(-1) - mean_q * mean_q
    scale = ((q * groups).mean(-1) - mean_q * mean) / torch.where(spread == 0, 1.0, spread)
    scale = scale.half()
    return scale, (mean - scale.float() * mean_q).half()


def _error(groups: Tensor, q: Tensor, scale: Tensor, low: Tensor) -> Tensor:
    return (torch.addcmul(low.float().unsqueeze(-1), q, scale.float().unsqueeze(-1)) - groups).square().sum(-1)


def _blocks(q: Tensor, scale: Tensor, low: Tensor, bits: int) -> Tensor:
    """Shapes: q (rows, groups, 32) uint8; scale, low (rows, groups) fp16 -> (panels, groups, block)"""
    rows, groups = scale.shape
    panels = -(-rows // PANEL)
    pad = panels * PANEL - rows
    q = torch.cat((q, q.new_zeros(pad, groups, GROUP))).view(panels, PANEL, groups, 8, 4)
    halves = torch.stack((scale, low))  # (2, N, G)
    halves = torch.cat((halves, halves.new_zeros(2, pad, groups)), 1).view(2, panels, PANEL, groups)
    head = halves.permute(1, 3, 0, 2).contiguous().view(torch.uint8).view(panels, groups, 4 * PANEL)
    quads = q.permute(0, 2, 3, 1, 4)  # (P, G, 8, 16, 4)
    if bits == 4:
        quads = quads[:, :, :4] | quads[:, :, 4:] << 4
    return torch.cat((head, quads.reshape(panels, groups, -1)), -1)
