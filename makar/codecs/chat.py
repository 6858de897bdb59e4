"""Messages -> the prompt a model was trained on, by the model's own template, rendered where it can do no harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jinja2

from makar.codecs.template_guard import Budget, GuardedEnvironment, spending
from makar.kit.errors import BadInput

MAX_TEMPLATE_CHARS = 200_000
_SLACK_CHARS = 400_000


@dataclass(frozen=True)
class Message:
    """One turn. `role` is what the template knows, mostly system, user or assistant."""

    role: str
    content: str


class ChatTemplate:
    """A model's chat template."""

    def __init__(self, source: str, bos: str, eos: str) -> None:
        """Raises: BadInput (no valid template)"""
        if len(source) > MAX_TEMPLATE_CHARS:
            raise BadInput(f"the chat template has {len(source):,} characters; the limit is {MAX_TEMPLATE_CHARS:,}")
        self._bos, self._eos = bos, eos
        try:
            self._template = GuardedEnvironment().from_string(source)
        except (jinja2.TemplateError, RecursionError, SyntaxError) as error:
            raise BadInput(f"the model's chat template cannot be read: {error!s:.200}") from error

    def render(self, messages: Sequence[Message], add_generation: bool = True) -> str:
        """The prompt; with `add_generation` it ends where the assistant's answer begins.

        Raises: BadInput (the template refuses these messages, fails, or does not end)
        """
        values = {"messages": [{"role": message.role, "content": message.content} for message in messages],
                  "add_generation_prompt": add_generation, "bos_token": self._bos, "eos_token": self._eos,
                  "tools": None, "documents": None}
        budget = Budget(_SLACK_CHARS + 4 * sum(len(message.content) for message in messages))
        try:
            with spending(budget):
                return "".join(self._template.generate(values))
        except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError,
                RecursionError, MemoryError) as error:
            raise BadInput(f"the model's chat template fails on these messages: {error!s:.300}") from error
