"""A contact sheet: the pictures that were released for one request, on one picture, which is checked and signed too."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from makar.codecs.picture import Pixels, encoded
from makar.codecs.vector import pixels_of
from makar.generate.artifact import Artifact, new_id
from makar.provenance.work import submit
from makar.train.pictures.sheet import contact_sheet

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released


def composed(works: Sequence[Released], *, policy: str, ledger: Ledger | None) -> Released:
    """The works side by side, in their order, as a PNG.

    Raises: Withheld
    """
    start_s = time.monotonic()
    record = works[0].record
    data = encoded(_side_by_side([pixels_of(work.data) for work in works]), "png")
    made = Artifact(
        id=new_id(), room=record["room"], media_type="image/png", content=data, request=record["request"],
        checkpoint=record["checkpoint"], seed=record["seed"], finish="composed", num_tok=0,
        seconds=time.monotonic() - start_s, parents=tuple(work.id for work in works), platform=record["platform"],
        mark={"not_marked": "a sheet is composed of works that have marks of their own"})
    return submit(made, policy=policy, ledger=ledger, asked={"prompt": record["request"]["prompt"]})


def _side_by_side(pictures: Sequence[Pixels]) -> Pixels:
    """Pictures of one request are of one size, icons and drawings too."""
    return contact_sheet(np.stack(pictures))
