"""Nothing sexual to be seen, by Yahoo's open_nsfw over the picture on white.

It was made for photographs: of drawings it finds less, and takes few for what they are not (0 of 1,440 of the default
model's sources reach the limit). Where its weights are not on this machine it says so and does not pass.
"""

from __future__ import annotations

import functools
import io
import os
from typing import Any

import numpy as np
from PIL import Image

from makar.codecs.picture import on_ground
from makar.codecs.vector import pixels_of
from makar.kit.ahead import Ahead
from makar.kit.errors import NotHere
from makar.store.fetch import fetch
from makar.store.pictures import OPEN_NSFW
from makar.verdict import Check, Subject, Verdict

LIMIT = 0.6
_READ_PX, _CUT_PX = 256, 224
_MEAN_BGR = (104.0, 117.0, 123.0)


def _run(subject: Subject) -> Verdict:
    try:
        score = sexual_frac(subject.data)
    except NotHere:
        return Verdict("nsfw_picture", False, 0.0, f"not judged: what judges it is not here; get it with: makar models "
                       f"pull {OPEN_NSFW.name}, and onnxruntime with: pip install onnxruntime")
    found = f"open_nsfw gives {score:.3f} of 1 that it is sexual (limit {LIMIT})"
    return Verdict("nsfw_picture", score < LIMIT, 1.0 - score, found)


def sexual_frac(data: bytes) -> float:
    """How sexual the picture is taken to be, from 0 to 1.

    Source: github.com/yahoo/open_nsfw, classify_nsfw.py (256 px, through JPEG, the middle 224 px, BGR less the mean)
    Raises: BadInput (no picture), NotHere (onnxruntime or the weights), NoNetwork, Damaged
    """
    seen = Image.fromarray(np.ascontiguousarray(on_ground(pixels_of(data), (255, 255, 255))[..., :3]))
    out = io.BytesIO()
    seen.resize((_READ_PX, _READ_PX), Image.Resampling.BILINEAR).save(out, "JPEG")
    edge = (_READ_PX - _CUT_PX) // 2
    with Image.open(out) as again:
        cut = np.asarray(again.convert("RGB"), np.float32)[edge:-edge, edge:-edge, ::-1]
    session = _opened().get()
    given = {session.get_inputs()[0].name: (cut - np.asarray(_MEAN_BGR, np.float32))[None]}
    return float(session.run(None, given)[0][0, 1])


def prepare(show: bool = True) -> None:
    """Gets the weights where they are not here, so that no work is made first and held then, and begins to open them.

    Raises: NotHere, NoNetwork, Damaged
    """
    fetch(OPEN_NSFW, show=show)
    _opened()


@functools.cache
def _opened() -> Ahead[Any]:
    return Ahead(_open)


def _open() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise NotHere("open_nsfw needs onnxruntime; install it with: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(2, len(os.sched_getaffinity(0)))  # the same bits, in two thirds of the time
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(fetch(OPEN_NSFW, show=False), options, providers=["CPUExecutionProvider"])


CHECK = Check("nsfw_picture", _run, ("image/",), limit_s=60.0)
