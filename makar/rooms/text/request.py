"""What the text room can be asked."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from makar.codecs.chat import Message
from makar.kit.errors import BadInput
from makar.methods.autoregress import Constraint, Runtime, Sampling

if TYPE_CHECKING:
    from makar.methods.autoregress import LanguageModel

MOST_CANDIDATES = 64
ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class TextRequest:
    """A conversation to be continued.

    n: how many candidates; candidate i is drawn with the seed `sampling.seed + i`, so that it can be made again alone.
    exact: the same bytes alone, in any batch and with any prefix cached; costs speed on the plain arithmetic only.
    runtime: how the model is run; its arithmetic and cache may round the answer differently.
    """

    messages: tuple[Message, ...]
    model: str
    sampling: Sampling = field(default_factory=Sampling)
    constraint: Constraint | None = None
    n: int = 1
    language: str | None = None
    exact: bool = False
    runtime: Runtime = field(default_factory=Runtime)

    def __post_init__(self) -> None:
        if not self.messages:
            raise BadInput("a text request needs at least one message")
        unknown = [message.role for message in self.messages if message.role not in ROLES]
        if unknown:
            raise BadInput(f"a message's role is one of {', '.join(ROLES)}; got '{unknown[0]}'")
        if not 1 <= self.n <= MOST_CANDIDATES:
            raise BadInput(f"n is between 1 and {MOST_CANDIDATES}; got {self.n}")


def fit(model: LanguageModel, request: TextRequest, *, may_clip: bool) -> TextRequest:
    """`request` with an answer that fits the model's context after the prompt.

    may_clip: lower `max_tok` to the room there is; otherwise too large a `max_tok` is refused.
    Raises: BadInput (with both numbers)
    """
    prompt_tok, context_tok, max_tok = count_tok(model, request.messages), model.context_tok, request.sampling.max_tok
    left_tok = context_tok - prompt_tok
    if left_tok < 1:
        raise BadInput(f"the prompt has {prompt_tok:,} tokens and '{model.name}' reads at most {context_tok:,}, its "
                       f"answer included; shorten the prompt by {1 - left_tok:,} tokens or more, or name a model with "
                       "a longer context (makar models list)")
    if max_tok <= left_tok:
        return request
    if not may_clip:
        raise BadInput(f"a prompt of {prompt_tok:,} tokens and an answer of up to {max_tok:,} do not fit the "
                       f"{context_tok:,} tokens of '{model.name}'; ask for at most {left_tok:,} (--max-tokens "
                       f"{left_tok}) or shorten the prompt")
    return dataclasses.replace(request, sampling=dataclasses.replace(request.sampling, max_tok=left_tok))


def count_tok(model: LanguageModel, messages: tuple[Message, ...]) -> int:
    """How many tokens the conversation takes, the opening of the answer included."""
    return len(model.render(messages))
