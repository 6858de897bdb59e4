"""A code request to pieces: chat models are asked in words, a gap in code is filled with control tokens."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from makar.codecs.chat import Message
from makar.kit.errors import BadInput
from makar.marks.tokenizers import remember
from makar.methods.autoregress import Job, LanguageModel, Sampling
from makar.room import Piece
from makar.rooms.code.prompt import prompt
from makar.rooms.code.request import CodeRequest

# Of the context that is left for what surrounds a gap, the share that goes to what stands before it.
_BEFORE_FRAC = 0.75
_CHARS_PER_TOK = 3
_LEAST_ANSWER_TOK = 64


def sample(model: LanguageModel, request: CodeRequest) -> Iterator[Piece]:
    """The pieces of every candidate, as they are made.

    Raises: BadInput (too long for the context; no chat template; no tokens for filling a gap)
    """
    request = fit(model, request, may_clip=False)
    stop = () if request.task == "complete" else prompt(request).stop
    sampling = dataclasses.replace(request.sampling, stop=(*stop, *request.sampling.stop))
    if "key" in sampling.marked:
        remember(sampling.mark, model.name, model.tokenizer)
    prompt_ids = tuple(_prompt_ids(model, request))
    jobs = [Job(prompt_ids, _seeded(sampling, index)) for index in range(request.n)]
    yield from model.run(jobs, exact=request.exact)


def _prompt_ids(model: LanguageModel, request: CodeRequest) -> list[int]:
    if request.task == "complete":
        return gap_tokens(model, request)
    words = prompt(request)
    opening = model.tokenizer.encode(words.opening) if words.opening else []
    return model.render([Message("user", words.words)]) + opening


def _seeded(sampling: Sampling, index: int) -> Sampling:
    return dataclasses.replace(sampling, seed=sampling.seed + index)


def fit(model: LanguageModel, request: CodeRequest, *, may_clip: bool) -> CodeRequest:
    """`request` with an answer that fits the model's context after the prompt.

    may_clip: lower `max_tok` to the room there is, if that is room for an answer at all.
    Raises: BadInput (with both numbers; the model cannot fill gaps)
    """
    prompt_tok, max_tok = len(_prompt_ids(model, request)), request.sampling.max_tok
    left_tok = model.context_tok - prompt_tok
    if max_tok <= left_tok:
        return request
    if may_clip and left_tok >= _LEAST_ANSWER_TOK:
        return dataclasses.replace(request, sampling=dataclasses.replace(request.sampling, max_tok=left_tok))
    raise BadInput(f"the code and the words around it take {prompt_tok:,} tokens and the answer up to {max_tok:,}; "
                   f"'{model.name}' reads at most {model.context_tok:,} together: name one function of the file, "
                   "lower --max-tokens, or name a model with a longer context (makar models list)")


def gap_tokens(model: LanguageModel, request: CodeRequest) -> list[int]:
    """The tokens that ask for the gap; of a long file, as much around it as the context holds.

    Raises: BadInput (the model cannot fill gaps)
    """
    room_tok = max(16, model.context_tok - request.sampling.max_tok)
    prefix = request.prefix[-int(room_tok * _CHARS_PER_TOK * _BEFORE_FRAC):]
    suffix = request.suffix[:int(room_tok * _CHARS_PER_TOK * (1 - _BEFORE_FRAC))]
    while len(ids := model.fill(prefix, suffix)) > room_tok and prefix + suffix:
        prefix, suffix = prefix[len(prefix) - len(prefix) * 3 // 4:], suffix[:len(suffix) * 3 // 4]
    return ids
