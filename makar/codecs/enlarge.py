"""Larger pictures: by a net (Real-ESRGAN, run by ncnn on the CPU), or by whole pixels where these are meant to show."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makar.codecs.picture import Pixels, resized
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.store.fetch import fetch
from makar.store.pictures import ESRGAN, ESRGAN_GRAPH

FACTOR = 4
MOST_INPUT_PX = 256
"""The side of the largest picture that the net is shown: its time grows with the area, 3 s on one core for 64 px."""

Colours = NDArray[np.float32]
Quadruple = Callable[[Colours], Colours]


def by_pixels(pixels: Pixels, size_px: int) -> Pixels:
    """Each pixel as a square of pixels; between whole multiples the next larger one is made smaller.

    Shapes: (S, S, 4) -> (size_px, size_px, 4)
    """
    times = max(1, -(-size_px // len(pixels)))
    return resized(pixels.repeat(times, 0).repeat(times, 1), size_px)


def by_net(pixels: Pixels, size_px: int, quadruple: Quadruple | None = None) -> Pixels:
    """Edges as sharp as if the picture had been drawn at that size; opacity is enlarged by the same net.

    quadruple: (3, H, W) in [0, 1] to (3, 4H, 4W); None is Real-ESRGAN
    Shapes: (S, S, 4) -> (size_px, size_px, 4)
    Raises: BadInput (too large to begin with), NotHere (ncnn is not installed), NoNetwork, Damaged
    """
    if len(pixels) > MOST_INPUT_PX:
        raise BadInput(f"the net enlarges pictures of at most {MOST_INPUT_PX} px a side; this one has {len(pixels)}")
    run = quadruple or functools.partial(_run, _net())
    begun = resized(pixels, max(len(pixels), -(-size_px // FACTOR)))  # one pass of the net, never several
    return resized(_four_times(begun, run), size_px)


def _four_times(pixels: Pixels, run: Quadruple) -> Pixels:
    values = pixels.astype(np.float32).transpose(2, 0, 1) / np.float32(255)  # (4, S, S)
    colours, opacity = run(_filled(values)), values[3:]
    if opacity.min() < 1:
        opacity = run(np.repeat(opacity, 3, 0)).mean(0, keepdims=True)
    else:
        opacity = opacity.repeat(FACTOR, 1).repeat(FACTOR, 2)
    large = (np.concatenate((colours, opacity)).clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)
    large[large[..., 3] < 2] = 0
    return large


def _filled(values: Colours) -> Colours:
    """The colours, those of what is painted carried on into what is not: the net would draw an edge to any other.

    Shapes: (4, S, S) -> (3, S, S)
    """
    colours, weight = values[:3] * values[3:], values[3:].copy()
    result, known = colours.copy(), weight.copy()
    while known.min() < 0.99 and weight.max() > 0:
        colours, weight = _spread(colours), _spread(weight)
        missing = (1 - known).clip(0, 1) * (weight > 0.001)
        result += missing * colours / np.maximum(weight, 0.001)
        known += missing
    return result.clip(0, 1)


def _spread(values: Colours) -> Colours:
    """The sum over each place and its eight neighbours, scaled so that nothing overflows."""
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)))
    height, width = values.shape[1:]
    total = np.zeros_like(values)
    for row in range(3):
        for column in range(3):
            total += padded[:, row:row + height, column:column + width]
    return total / np.float32(4)


@functools.cache
def _net() -> Any:
    try:
        import ncnn
    except ImportError as error:
        raise NotHere("pictures over 128 px are enlarged by ncnn, which is not installed: pip install 'makar[image]' "
                      "(or ask for --style pixel, --svg, or a smaller --size)") from error
    graph, weights = fetch(ESRGAN_GRAPH, show=True), fetch(ESRGAN, show=True)
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = len(os.sched_getaffinity(0))  # each number is summed by one thread: the same bytes
    if net.load_param(str(graph)) or net.load_model(str(weights)):
        raise Damaged(f"ncnn cannot read {ESRGAN.name} as it lies in the store")
    return net


def _run(net: Any, colours: Colours) -> Colours:
    import ncnn

    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(np.ascontiguousarray(colours)).clone())
    code, found = extractor.extract("output")
    if code:
        raise Damaged(f"ncnn stopped with code {code} while it enlarged a picture")
    large: Colours = np.array(found, np.float32)
    return large
