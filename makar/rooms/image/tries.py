"""Several beginnings of one picture, of which the one that fits its words best is drawn to its end.

A net that finds clean pictures under noise also knows how likely a picture is to it, by how badly it finds it again,
and how well it fits its words, by how much they help. A try is judged at its first step from a quarter of the way on: a
long step beyond the middle shows most of what a picture will be, and costs little.

Source: Ma et al. 2025, arXiv:2501.09732, section 2 (a search over noises, led by a verifier); the verifier: Li et al.
2023, arXiv:2303.16203, eq. 5
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from makar.methods.flow import SAMPLERS, mixed
from makar.native.pictures import Asked
from makar.rooms.image.drawing import Reals, denoiser, noise

Net = Callable[[Reals, float, Asked], Reals]
CHOSEN_AT = 0.25
"""How much of the way every try is drawn at least."""
LOOK_AT = 0.1
"""The time at which a try is looked for under noise; of 0.03 to 0.3 none judged better, nor did four together."""


def best_of(net: Net, asked: Asked, guidance: float, starts: Reals, times: Sequence[float], solver: str
            ) -> tuple[Reals, list[float]]:
    """Where the try that fits best has come, and the times from there on.

    Shapes: asked: one row, starts (N, C, S, S), times (steps + 1,) -> (1, C, S, S), (steps left + 1,)
    """
    place = next(place for place, time in enumerate(times) if time >= CHOSEN_AT)
    z: Reals = np.asarray(SAMPLERS[solver](denoiser(net, asked, guidance), starts, times[:place + 1]))
    guess = z if times[place] >= 1 else net(z, times[place], asked)
    best = int(misfit(net, asked, guess).argmin())
    return z[best:best + 1], list(times[place:])


def misfit(net: Net, asked: Asked, clean: Reals) -> Reals:
    """How badly pictures fit what was asked, in the looks that were asked for: the error with which the net finds them
    under noise, plus what the words add to that error. The noise is the same for all.

    Shapes: clean (N, C, S, S) -> (N,)
    """
    twice = np.concatenate((clean, clean))
    guess = net(mixed(twice, noise(0, (1, *clean.shape[1:])), LOOK_AT), LOOK_AT, asked.and_wordless())
    errors, wordless = np.square(guess - twice).mean((1, 2, 3)).reshape(2, -1)
    found: Reals = 2 * errors - wordless
    return found


def starts_of(seed: int, num: int, shape: tuple[int, ...]) -> Reals:
    """The noises that a picture is tried from; the first is that of its seed alone.

    Shapes: `shape` is (1, ...) -> (num, ...)
    """
    return np.concatenate([noise(seed, shape), *(noise((seed, number), shape) for number in range(1, num))])
