"""Pictures as a classifier of photographs sees them: a space in which nothing of Makar's was trained.

The numbers are those before the last layer of open_nsfw, a ResNet-50 that was trained on ImageNet first. EfficientNet
would serve as well, but its weights are only to be had as a pickle.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from makar.codecs.picture import Pixels, on_ground
from makar.kit.errors import NotHere
from makar.store.fetch import fetch
from makar.store.pictures import OPEN_NSFW

NUM_FEATURES = 1024
SEEN_PX = 32
"""Every picture is looked at in this size, so that none is told apart by its sharpness, where nothing else is said."""
_INPUT_PX = 224
_MEAN_BGR = (104.0, 117.0, 123.0)
_LAYER = b"/ReduceMean_output_0"


class Features:
    """The classifier, with its last hidden layer as an output."""

    def of(self, pixels: Pixels, seen_px: int = SEEN_PX) -> NDArray[np.float32]:
        """The picture on white as numbers, looked at in that size; a smaller one shows its pixels.

        Shapes: (S, S, 4) -> (1024,)
        Raises: NotHere, NoNetwork, Damaged
        """
        seen = Image.fromarray(np.ascontiguousarray(on_ground(pixels, (255, 255, 255))[..., :3]))
        large = seen.resize((seen_px, seen_px), Image.Resampling.BOX).resize((_INPUT_PX, _INPUT_PX),
                                                                             Image.Resampling.BILINEAR)
        values = np.asarray(large, np.float32)[:, :, ::-1] - np.asarray(_MEAN_BGR, np.float32)
        found: NDArray[np.float32] = self._session.run([_LAYER.decode()], {
            self._session.get_inputs()[0].name: values[None]})[0][0]
        return found

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime
        except ImportError as error:
            raise NotHere("measures of pictures need onnxruntime; install it with: pip install onnxruntime"
                          ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        return onnxruntime.InferenceSession(with_output(fetch(OPEN_NSFW, show=True).read_bytes(), _LAYER), options,
                                            providers=["CPUExecutionProvider"])


def with_output(model: bytes, name: bytes) -> bytes:
    """An ONNX model that also gives the tensor of that name: a graph with one output, appended, is merged into the
    model's own.

    Source: Protocol Buffers encoding, "Last One Wins": embedded messages that come twice are merged; onnx.proto3,
    fields ModelProto.graph = 7, GraphProto.output = 12, ValueInfoProto.name = 1
    """
    for field in (1, 12, 7):
        assert len(name) < 128, "one byte tells the length"
        name = bytes([field << 3 | 2, len(name)]) + name
    return model + name
