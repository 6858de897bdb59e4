"""One sequence to be continued, and its state while it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from makar.codecs.bpe import Tokenizer
from makar.methods.autoregress.constrain import Constraint, Grammar
from makar.methods.autoregress.sampling import Choice, Chooser, Sampling
from makar.methods.autoregress.text import TextAssembler
from makar.room import Piece


@dataclass(frozen=True)
class Job:
    """A prompt and how to continue it."""

    prompt_ids: tuple[int, ...]
    sampling: Sampling
    constraint: Constraint | None = None


class Sequence:
    """A job under way: what it has chosen and what of its text has left."""

    def __init__(self, index: int, job: Job, tokenizer: Tokenizer, eos_ids: tuple[int, ...], context_tok: int) -> None:
        self.index, self.job = index, job
        self.num_tok = len(job.prompt_ids)
        self.last_id = job.prompt_ids[-1]
        self.finish: str | None = None
        self._tokenizer, self._eos_ids = tokenizer, frozenset(eos_ids)
        self._left_tok = min(job.sampling.max_tok, context_tok - len(job.prompt_ids))
        self._chooser = Chooser(job.sampling, job.prompt_ids)
        self._text = TextAssembler(tokenizer, job.sampling.stop)
        grammar = None if job.constraint is None else Grammar.compile(job.constraint, tokenizer, eos_ids)
        self._state = None if grammar is None else grammar.start()

    def take(self, logits: Tensor) -> Piece:
        """Chooses the next token and gives the text that may leave with it.

        Shapes: logits (V,), V that of the tokenizer
        """
        choice = self._chooser.choose(logits, None if self._state is None else self._state.mask_)
        self.last_id = choice.token
        self.num_tok += 1
        self._left_tok -= 1
        text = self._advance(choice.token)
        logprobs = (self._spell(choice),) if self.job.sampling.logprobs else ()
        return Piece(text, 1, self.index, self.finish, logprobs)

    def _advance(self, token: int) -> str:
        text = ""
        if token in self._eos_ids:
            self.finish = "stop"
        else:
            text = self._text.push(token)
            if self._state is not None:
                self._state.accept(token)
            if self._text.stopped or (self._state is not None and self._state.finished()):
                self.finish = "stop"
            elif self._left_tok <= 0:
                self.finish = "length"
        return text if self.finish is None else text + self._text.flush()

    def _spell(self, choice: Choice) -> Mapping[str, Any]:
        top = [{"token": self._tokenizer.decode([token]), "id": token, "logprob": logprob}
               for token, logprob in choice.top]
        return {"token": self._tokenizer.decode([choice.token]), "id": choice.token, "logprob": choice.logprob,
                "top": top}
