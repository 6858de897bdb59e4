"""Makar: generative works you can account for. Each verb loads only when it is first named."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from makar.kit.errors import NotHere

if TYPE_CHECKING:
    import makar.verbs.code as code
    from makar.provenance.released import Released as Released
    from makar.provenance.released import Withheld as Withheld
    from makar.verbs.chat import chat as chat
    from makar.verbs.check import check as check
    from makar.verbs.curate import curate as curate
    from makar.verbs.image import edit_image as edit_image
    from makar.verbs.image import image as image
    from makar.verbs.image import upscale_image as upscale_image
    from makar.verbs.image import vary_image as vary_image
    from makar.verbs.replay import replay as replay
    from makar.verbs.text import text as text
    from makar.verbs.trace import forget as forget
    from makar.verbs.trace import index as index
    from makar.verbs.trace import trace as trace
    from makar.verbs.verify import verify as verify

__version__ = "0.1.0"

VERBS = ("text", "chat", "code", "image", "vary_image", "edit_image", "upscale_image", "check", "curate", "trace",
         "index", "forget", "verify", "replay")
"""The verbs that work today."""

VERBS_WITHOUT_ROOM = ("music", "speech", "sound", "video")
"""The verbs that are planned and say so when they are called."""

_PLACES = {
    "text": ("makar.verbs.text", "text"),
    "chat": ("makar.verbs.chat", "chat"),
    "check": ("makar.verbs.check", "check"),
    "code": ("makar.verbs.code", None),
    "image": ("makar.verbs.image", "image"),
    "vary_image": ("makar.verbs.image", "vary_image"),
    "edit_image": ("makar.verbs.image", "edit_image"),
    "upscale_image": ("makar.verbs.image", "upscale_image"),
    "curate": ("makar.verbs.curate", "curate"),
    "trace": ("makar.verbs.trace", "trace"),
    "index": ("makar.verbs.trace", "index"),
    "forget": ("makar.verbs.trace", "forget"),
    "verify": ("makar.verbs.verify", "verify"),
    "replay": ("makar.verbs.replay", "replay"),
    "Released": ("makar.provenance.released", "Released"),
    "Withheld": ("makar.provenance.released", "Withheld"),
}

__all__ = ["Released", "Withheld", "chat", "check", "code", "curate", "edit_image", "forget", "image", "index",
           "replay", "text", "trace", "upscale_image", "vary_image", "verify"]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        place, attribute = _PLACES[name]
        module = importlib.import_module(place)
        return module if attribute is None else getattr(module, attribute)
    if name in VERBS_WITHOUT_ROOM:
        return _without_room(name)
    raise AttributeError(f"module 'makar' has no attribute '{name}'; its verbs are {', '.join(VERBS)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def no_room(verb: str) -> NotHere:
    """The error that says that `verb` is planned, and which verbs work."""
    return NotHere(f"'{verb}' has no room yet in Makar {__version__}; the verbs that work are {', '.join(VERBS)}")


def _without_room(verb: str) -> Callable[..., NoReturn]:
    def absent(*_: object, **__: object) -> NoReturn:
        raise no_room(verb)

    absent.__name__ = verb
    absent.__doc__ = f"Not here yet: calling it raises NotHere, which lists the verbs that work ({', '.join(VERBS)})."
    return absent
