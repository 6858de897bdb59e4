"""Pictures, each beside the drawings of its model's training data that it is nearest to."""

from __future__ import annotations

import base64
import html
import importlib.util
import time
from pathlib import Path

import makar
from makar import store
from makar.apps.demo.exhibit import Exhibit, Request
from makar.checks.near_copy import named
from makar.codecs.picture import read_picture
from makar.kit.errors import NotHere
from makar.ledger import Ledger
from makar.provenance.released import Released, Withheld
from makar.store.fetch import fetch
from makar.store.pictures import FILES
from makar.store.shipped import AVATARS_16, ICONS_32, ICONS_128
from makar.tracing.pictures import NEIGHBOURS, Neighbour, PictureIndex, open_pictures

ICONS, AVATARS = ICONS_128.name, AVATARS_16.name
SHOWN = {ICONS: ICONS_32.name, AVATARS: AVATARS}
"""The models that have the indices of what they and the others were shown."""
PROMPTS = (("a smiling face", "flat", ICONS), ("a red dragon", "pixel", ICONS), ("a green tree", "flat", ICONS),
           ("a sword", "pixel", ICONS), ("woman with glasses and long red hair", "pixel", AVATARS),
           ("black hat and a beard", "pixel", AVATARS))
NUM_NEAREST, SHOWN_PX = 3, 128
NEEDED = ("minilm-int8", "minilm-tokens", "open-nsfw")
REQUEST = Request(
    title="Pictures, and what they are nearest to",
    why="Drawn by the small models that come with Makar, which learned from openly licensed drawings alone. Beside "
        "each are the three drawings it is nearest to, of all that its model was shown, with their licences.",
    prompt="; ".join(f"{prompt} ({style}, {model})" for prompt, style, model in PROMPTS), kind="picture")


def can_be_drawn() -> bool:
    """Whether the models are part of this installation, and what reads words and looks at pictures can be had."""
    there = all((model.folder / "model.json").is_file() for model in (ICONS_128, ICONS_32, AVATARS_16))
    if not there or importlib.util.find_spec("onnxruntime") is None:
        return False
    try:
        for name in NEEDED:
            fetch(FILES[name], show=True)
    except NotHere:
        return False
    return True


def pictures(folder: Path, ledger: Ledger, seed: int) -> Exhibit:
    """The pictures in one row each; the record shown is that of the last that was released."""
    start_s, rows, records, reasons = time.monotonic(), list[str](), list[dict[str, object]](), list[str]()
    indices = {name: open_pictures(store.stored(index).folder / NEIGHBOURS) for name, index in SHOWN.items()}
    for number, (prompt, style, model) in enumerate(PROMPTS, 1):
        try:
            work = makar.image(prompt, style=style, size=SHOWN_PX, seed=seed, model=model, ledger=ledger)
        except Withheld as stop:
            reasons += stop.reasons
            records.append(dict(stop.record))
            continue
        assert isinstance(work, Released)
        work.save(folder / f"picture-{number}.png", record=True)
        records.append(work.record)
        rows.append(_row(prompt, work.data, indices[model]))
    record = records[-1]
    return Exhibit(REQUEST, "released" if rows else "withheld", "", record, time.monotonic() - start_s,
                   reasons=tuple(reasons), verdicts=tuple(record["verdicts"]),  # type: ignore[arg-type]
                   figure=f'<div class="pictures">{"".join(rows)}</div>')


def _row(prompt: str, data: bytes, index: PictureIndex) -> str:
    near = index.nearest(read_picture(data), NUM_NEAREST)
    return (f'<div class="row"><p>{_img(data, "image/png", prompt)}</p><p>{html.escape(prompt)}</p>'
            f'{"".join(_beside(one, index) for one in near)}</div>')


def _beside(found: Neighbour, index: PictureIndex) -> str:
    shown = index.shown(found.place)
    picture = "" if shown is None else _img(shown, "image/webp", found.told.id)
    return f'<p class="near" title="{html.escape(named(found))}">{picture}{html.escape(found.told.licence)}</p>'


def _img(data: bytes, media_type: str, alt: str) -> str:
    return (f'<img alt="{html.escape(alt)}" width="96" height="96" '
            f'src="data:{media_type};base64,{base64.b64encode(data).decode()}">')
