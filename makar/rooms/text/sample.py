"""A text request to pieces: the conversation is rendered once, each candidate is one job of the same batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from makar.marks.tokenizers import remember
from makar.methods.autoregress import Job, LanguageModel
from makar.room import Piece
from makar.rooms.text.request import TextRequest, fit


def sample(model: LanguageModel, request: TextRequest) -> Iterator[Piece]:
    """The pieces of every candidate, as they are made.

    Raises: BadInput (too long for the context, a constraint that cannot be enforced)
    """
    fit(model, request, may_clip=False)
    if "key" in request.sampling.marked:
        remember(request.sampling.mark, model.name, model.tokenizer)
    prompt_ids = tuple(model.render(request.messages))
    jobs = [Job(prompt_ids, dataclasses.replace(request.sampling, seed=request.sampling.seed + index),
                request.constraint) for index in range(request.n)]
    yield from model.run(jobs, exact=request.exact)
