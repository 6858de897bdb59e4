"""How a picture is asked for: its settings, and a request with all that checks judge by."""

from __future__ import annotations

import dataclasses
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from makar.kit.config import from_json
from makar.kit.errors import BadInput

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.work import Work
    from makar.review.policy import Policy
    from makar.rooms.image import ImageRequest, Reference
    from makar.rooms.image.models import PictureModel


@dataclass(frozen=True)
class ImageOptions:
    """How `makar.image` draws.

    style: one of `makar image styles`; None leaves it open
    size: 32, 64, 128, 256 or 512 px; over 128 px through Real-ESRGAN, or by whole pixels in a style of pixel art
    n: candidates; candidate i is the one that the seed `seed + i` makes alone
    seed: None draws one, which is recorded
    steps, guidance, solver, tries: how it is drawn from noise, and from how many noises it is begun; what is None is
    as usual with the model
    background: transparent, or a colour: white, navy, #rrggbb
    form: png, webp, jpeg, svg or ico
    strength: how much of a given picture may change, from 0 to 1
    mark: draw so that the picture can be recognised by who has the key; also off where the policy says `marks = false`
    policy: `default`, `strict`, or the path of a TOML file
    """

    model: str | None = None
    style: str | None = None
    size: int = 64
    n: int = 1
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    solver: str | None = None
    tries: int | None = None
    background: str = "transparent"
    form: str = "png"
    strength: float = 0.6
    mark: bool = True
    policy: str = "default"


class ImageSettings(TypedDict, total=False):
    """The fields of ImageOptions as keywords."""

    model: str | None
    style: str | None
    size: int
    n: int
    seed: int | None
    steps: int | None
    guidance: float | None
    solver: str | None
    tries: int | None
    background: str
    form: str
    strength: float
    mark: bool
    policy: str


def options_of(settings: Mapping[str, Any]) -> ImageOptions:
    """Keywords as options, their names and types checked.

    Raises: UnknownName, BadInput
    """
    return from_json(ImageOptions, settings)


def begin(prompt: str, options: ImageOptions, *, ledger: Ledger | None = None,
          reference: Reference | None = None) -> Work:
    """A work that is ready to be released; nothing has been drawn yet.

    Raises: BadInput, UnknownName, NotHere, NoNetwork, Damaged
    """
    from makar.generate.load import load
    from makar.provenance.work import Work
    from makar.review.policy import load_policy
    from makar.rooms.image import ROOM
    from makar.verbs.text import readable

    if prompt.strip() or reference is None:
        readable(prompt, "prompt", 'makar image "a red dragon"')
    policy = load_policy(options.policy)
    name = options.model or default_model()
    model: PictureModel = load(ROOM, name)
    request = request_of(prompt, dataclasses.replace(options, model=name), policy, reference, model)
    if options.style is not None:
        model.looks.number(options.style)
    _prepare(policy)
    return Work(ROOM, _fitted(request, model), policy=policy, ledger=ledger, asked=asked_of(prompt, model))


def request_of(prompt: str, options: ImageOptions, policy: Policy, reference: Reference | None,
               model: PictureModel) -> ImageRequest:
    """What the room is asked; a seed is made up where none was given, the rest is as is usual with the model.

    Raises: BadInput, UnknownName, Damaged (the key to mark with)
    """
    from makar.marks.key import current_key
    from makar.rooms.image import ImageRequest, ImageSampling
    from makar.rooms.image.request import FEW

    _heeded(options, model, reference)
    usual = model.usual
    few = FEW if "times" in model.heeds else {}
    few_times, few_guidance = few.get(options.steps or 0, ("", usual.guidance))
    sampling = ImageSampling(
        seed=secrets.randbelow(2**31) if options.seed is None else options.seed,
        num_steps=usual.num_steps if options.steps is None else options.steps,
        guidance=few_guidance if options.guidance is None else options.guidance,
        solver=from_json(ImageSampling, {"solver": options.solver or usual.solver}).solver,
        times=usual.times if options.steps is None else few_times,
        tries=usual.tries if options.tries is None else options.tries)
    return ImageRequest(
        prompt=prompt, model=options.model or default_model(), style=options.style, size_px=options.size, n=options.n,
        sampling=sampling, background=options.background,
        form=from_json(ImageRequest, {"prompt": "any", "model": "any", "form": options.form}).form,
        reference=reference, mark=current_key().id if options.mark and policy.marks else "")


def _heeded(options: ImageOptions, model: PictureModel, reference: Reference | None) -> None:
    """What would change nothing is not taken in silence."""
    for setting in ("steps", "guidance", "solver", "tries"):
        if getattr(options, setting) is None:
            continue
        if setting not in model.heeds:
            raise BadInput(f"'{model.name}' does not draw by {setting}; leave it out, or name another model")
        if setting == "tries" and reference is not None:
            raise BadInput("tries are for drawing from words, not from a picture; leave them out")


def _fitted(request: ImageRequest, model: PictureModel) -> ImageRequest:
    """The request with what enlarges its picture, where something has to."""
    from makar.rooms.image.finish import PLAIN_PX
    from makar.store.pictures import ENLARGED_BY_PIXELS, ESRGAN

    if model.looks.shows_pixels(request.style):
        return dataclasses.replace(request, enlarger=ENLARGED_BY_PIXELS)
    if request.size_px > PLAIN_PX and request.form != "svg" and request.model not in (ENLARGED_BY_PIXELS, ESRGAN.name):
        return dataclasses.replace(request, enlarger=ESRGAN.name)
    return request


def asked_of(prompt: str, model: PictureModel) -> dict[str, Any]:
    """What checks judge a picture by: the words, whether the model knows them, and the pictures it learned from.

    Raises: NotHere, NoNetwork, Damaged
    """
    from makar.checks.near_copy import settings
    from makar.rooms.image.confidence import LEAST_FRAC

    asked: dict[str, Any] = {"prompt": prompt}
    if prompt.strip() and model.concepts:
        found = model.nearness(prompt)
        asked["nearness"] = {"score_frac": round(found.score_frac, 4), "least_frac": LEAST_FRAC,
                             "concepts": list(found.concepts),
                             **({"unknown": list(found.unknown)} if found.unknown else {})}
    index = _neighbours_of(model.learned_as)
    if index is not None:
        asked["near_copy"] = settings([index])
    return asked


def _neighbours_of(name: str) -> Path | None:
    from makar import store
    from makar.generate.load import TINY
    from makar.tracing.pictures import NEIGHBOURS

    path = None if name == TINY else store.stored(name, pull=False).folder / NEIGHBOURS
    return path if path is not None and path.is_file() else None


def default_model() -> str:
    """The model for those who name none: `$MAKAR_IMAGE_MODEL`, else the one that comes with Makar."""
    from makar.store.shipped import SHIPPED

    return os.environ.get("MAKAR_IMAGE_MODEL", "").strip() or next(iter(SHIPPED))


def _prepare(policy: Policy) -> None:
    """Gets the weights that judge the picture before it is made; a policy that lets all through needs none.

    Raises: NotHere, NoNetwork, Damaged
    """
    from makar.checks.nsfw_picture import prepare

    if policy.action("nsfw_picture") != "release":
        prepare()


def forms() -> tuple[str, ...]:
    """The forms that pictures are written in."""
    from makar.codecs.picture import FORMS

    return tuple(FORMS)


def form_of(suffix: str) -> str:
    """The form that a file's suffix names.

    Raises: UnknownName, BadInput
    """
    from makar.codecs.picture import form_named

    if not suffix:
        raise BadInput("the file's name has no suffix, which says what is written: .png, .webp, .jpg, .svg or .ico")
    return form_named(suffix).name
