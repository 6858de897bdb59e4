"""What the picture room can be asked."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from makar.codecs.picture import ICON_SIDES_PX
from makar.kit.errors import BadInput, UnknownName
from makar.methods.flow import SAMPLERS, steps
from makar.store.pictures import ENLARGED_BY_PIXELS, ESRGAN

SIZES_PX = (32, 64, 128, 256, 512)
FORMS = ("png", "webp", "jpeg", "svg", "ico")
ENLARGERS = ("", ENLARGED_BY_PIXELS, ESRGAN.name)
MOST_CANDIDATES = 64
MOST_STEPS = 1000
MOST_TRIES = 32
MOST_CHARS = 2000
TRANSPARENT = "transparent"
FEW = {4: ("0 0.12 0.6 0.92", 2.5)}
"""Where so few steps begin best, and the guidance that suits them. Of two drawings each of 320 pairs of concept and
look that no data hold, best of 16 tries, icons-32 then drew 42% so that they were found among the first five, at a
Fréchet distance of 50 to real pictures of the concepts; at guidance 1.5, 1.75, 2, 2.25 and 3: 39, 39, 41, 40 and 42%,
and 54, 52, 51, 50 and 51. 32 tries or times near to these change no more than chance does.
"""


@dataclass(frozen=True)
class ImageSampling:
    """How a picture is drawn from noise.

    num_steps: looks of Euler, half the looks of Heun; guidance: how far to go towards the prompt (1 is not at all)
    times: where each step begins, 0 being noise and 1 the picture, as words ("0 0.1 0.4"), since a credential keeps a
    list of numbers as bytes; none for even steps
    tries: how many noises a picture is begun from; what fits the words best a quarter of the way is drawn to its end
    (not where a picture is given, and by no model that does not walk)
    """

    seed: int = 0
    num_steps: int = 16
    guidance: float = 3.0
    solver: Literal["euler", "heun"] = "euler"
    times: str = ""
    tries: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.num_steps <= MOST_STEPS:
            raise BadInput(f"steps are between 1 and {MOST_STEPS:,}; got {self.num_steps}")
        if not 0 <= self.guidance <= 30:
            raise BadInput(f"guidance is between 0 and 30; got {self.guidance}")
        if self.solver not in SAMPLERS:
            raise UnknownName("solver", self.solver, SAMPLERS)
        if not 1 <= self.tries <= MOST_TRIES:
            raise BadInput(f"tries are between 1 and {MOST_TRIES}; got {self.tries}")
        starts = self._starts()
        if self.times and (len(starts) != self.num_steps or starts[0] != 0
                           or any(not before < after for before, after in pairwise((*starts, 1.0)))):
            raise BadInput(f"the times of {self.num_steps} steps are as many numbers that rise from 0 to less than 1; "
                           f"got '{self.times}'")

    @property
    def grid(self) -> list[float]:
        """The times from 0 to 1. Shapes: -> (num_steps + 1,)"""
        return [*self._starts(), 1.0] if self.times else steps(self.num_steps)

    def _starts(self) -> list[float]:
        try:
            return [float(word) for word in self.times.split()]
        except ValueError:
            raise BadInput(f"the times of steps are numbers with spaces between them; got '{self.times}'") from None


@dataclass(frozen=True)
class Reference:
    """A picture to start from, so that the request is whole without its file.

    picture: a PNG in base64. strength_frac: how much of it may change, 0 nothing, 1 everything
    mask: a PNG in base64 of the same size; only where it is white is the picture changed
    """

    picture: str
    strength_frac: float = 0.6
    mask: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.strength_frac <= 1:
            raise BadInput(f"the strength of a change is between 0 and 1; got {self.strength_frac}")


@dataclass(frozen=True)
class ImageRequest:
    """A picture in words, or a change to one.

    style: the look, by a name that the model knows; None leaves it open
    size_px: the side of the picture. background: `transparent` or a colour
    n: how many candidates; candidate i is drawn with the seed `sampling.seed + i`, so that it can be made again alone
    enlarger: what makes a picture larger than it was drawn: Real-ESRGAN, whole pixels where these are meant to show
    (which SVG keeps too), or "" for plain interpolation
    reference: what to vary or to edit. mark: the public id of the key that pixels are marked with; "" marks nothing
    """

    prompt: str
    model: str
    style: str | None = None
    size_px: int = 64
    n: int = 1
    sampling: ImageSampling = field(default_factory=ImageSampling)
    background: str = TRANSPARENT
    form: Literal["png", "webp", "jpeg", "svg", "ico"] = "png"
    enlarger: str = ""
    reference: Reference | None = None
    mark: str = ""

    def __post_init__(self) -> None:
        if not self.prompt.strip() and self.reference is None:
            raise BadInput("the prompt is empty; say what the picture should show, such as \"a red dragon\"")
        if len(self.prompt) > MOST_CHARS:
            raise BadInput(f"the prompt has {len(self.prompt):,} characters; at most {MOST_CHARS:,} are read, and the "
                           "first dozen words count most")
        if self.size_px not in SIZES_PX:
            known = ", ".join(map(str, SIZES_PX[:-1]))
            raise BadInput(f"pictures are {known} or {SIZES_PX[-1]} px; got {self.size_px}")
        if self.form not in FORMS:
            raise UnknownName("form of a picture", self.form, FORMS)
        if self.form == "ico" and self.size_px > ICON_SIDES_PX[-1]:
            raise BadInput(f"an icon file holds pictures of at most {ICON_SIDES_PX[-1]} px; got {self.size_px}: ask "
                           "for a smaller size, or a PNG")
        if self.enlarger not in ENLARGERS:
            raise UnknownName("enlarger", self.enlarger, ENLARGERS)
        if self.background != TRANSPARENT:
            colour_named(self.background)
        if not 1 <= self.n <= MOST_CANDIDATES:
            raise BadInput(f"n is between 1 and {MOST_CANDIDATES}; got {self.n}")


def colour_named(name: str) -> tuple[int, int, int]:
    """A colour of a background.

    Raises: BadInput
    """
    from PIL import ImageColor

    try:
        red, green, blue, *alpha = ImageColor.getrgb(name)
    except ValueError as error:
        raise BadInput(f"'{name}' is no background: give transparent, a colour such as white or navy, or "
                       "#rrggbb") from error
    if alpha and alpha[0] < 255:
        raise BadInput(f"the background '{name}' is half open; give transparent, or a colour without opacity")
    return red, green, blue


def decoded(text: str) -> bytes:
    """The bytes of a picture that rides in a request.

    Raises: BadInput
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadInput(f"the picture in the request is no base64 ({error!s:.80})") from error
