"""A language model ready for use: the net, its tokenizer, its chat template, and what is known of its training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor

from makar.codecs.bpe import Tokenizer
from makar.codecs.chat import ChatTemplate, Message
from makar.kit.errors import BadInput
from makar.marks.likelihood import Guess
from makar.methods.autoregress.batch import AnyCache, Batch, Net, prefill, reserve
from makar.methods.autoregress.job import Job
from makar.methods.autoregress.opening import describe, native_net, open_net, read_facts
from makar.methods.autoregress.prefix import CHUNK_TOK, NATIVE_CHUNK_TOK, PrefixStore
from makar.methods.autoregress.prompt import encode_chat
from makar.methods.autoregress.runtime import Runtime
from makar.methods.autoregress.sampling import Sampling, Seen, candidates
from makar.native.engine import Engine
from makar.nets.linear import Linear, has_bf16_units
from makar.room import Piece
from makar.store import StoredModel

MOST_TOGETHER = 16
GUESSED_TOK = 1024
GUESSED_MASS = 0.99
ASKED_PERHAPS = "Write a text."
"""With both, 28 of 30 texts of 400 tokens were found after a fifth was edited; with the question alone 28 and closer to
the threshold, with the mass alone 27, with 0.95 and no question 25.
"""
Reads = Callable[[Tensor, Tensor], Tensor]
"""What is read from logits and the tokens that followed. Shapes: (T, V), (T,) -> (T,)"""


@dataclass(frozen=True)
class Fim:
    """The control tokens around a gap to be filled.

    Source: Bavarian et al. 2022, arXiv:2207.14255, section 3 (prefix-suffix-middle order)
    """

    prefix: int
    suffix: int
    middle: int
    stop: tuple[int, ...] = ()


@dataclass(frozen=True)
class Card:
    """Who a model is, for its works' records."""

    name: str
    sha256: str
    training_data: str
    bos_id: int | None = None
    eos_ids: tuple[int, ...] = ()
    fim: Fim | None = None


class LanguageModel:
    """Continues token sequences, several at once, and scores given ones."""

    def __init__(self, card: Card, net: Net, tokenizer: Tokenizer, chat: ChatTemplate | None,
                 speculate: bool = True) -> None:
        self.card, self.net, self.tokenizer, self.chat = card, net, tokenizer, chat
        self.speculate = speculate
        self.prefixes = PrefixStore(chunk_tok=NATIVE_CHUNK_TOK if isinstance(net, Engine) else CHUNK_TOK)
        self._wide: bool | None = None

    name = property(lambda self: self.card.name)
    sha256 = property(lambda self: self.card.sha256)
    training_data = property(lambda self: self.card.training_data)
    fim = property(lambda self: self.card.fim)
    context_tok = property(lambda self: self.net.config.context_tok)

    @property
    def arithmetic(self) -> dict[str, Any]:
        """What computed, for the record of a work: the same path and bits give the same bytes again."""
        return describe(self.net)

    @classmethod
    def open(cls, stored: StoredModel, runtime: Runtime | None = None) -> LanguageModel:
        """The model in a folder of the store; weights are memory-mapped where they can be used as stored.

        Raises: Damaged, BadInput (the runtime asks for what the model cannot do), OutOfRoom
        """
        runtime = runtime or Runtime()
        facts = read_facts(stored.folder)
        fim = facts.get("fim")
        if fim is not None:
            fim = Fim(fim["prefix"], fim["suffix"], fim["middle"], tuple(fim.get("stop", ())))
        card = Card(stored.name, stored.sha256, stored.training_data,
                    facts.get("bos_id") if facts.get("add_bos") else None, tuple(facts["eos_ids"]), fim)
        tokenizer = Tokenizer.open(stored.folder)
        net = native_net(stored, runtime) or open_net(stored)
        return cls(card, net, tokenizer, _read_template(stored.folder, tokenizer, facts), runtime.speculate)

    @classmethod
    def tiny(cls) -> LanguageModel:
        """A byte-level model with seeded random weights, for trying the machinery: no download, no sense."""
        from makar.methods.autoregress.tiny import build

        return build()

    def render(self, messages: Seq[Message]) -> list[int]:
        """The tokens of a conversation up to where the answer begins; control tokens that a message spells are text.

        Raises: BadInput (no chat template and more than a plain prompt, or the template refuses)
        """
        if self.chat is not None:
            ids = encode_chat(self.chat, self.tokenizer, messages)
        elif len(messages) == 1 and messages[0].role == "user":
            ids = self.tokenizer.encode(messages[0].content)
        else:
            raise BadInput(f"'{self.name}' is no chat model: it has no chat template, so it takes one plain prompt")
        bos = self.card.bos_id
        return ids if bos is None or ids[:1] == [bos] else [bos, *ids]

    def fill(self, prefix: str, suffix: str) -> list[int]:
        """The tokens that ask for what stands between `prefix` and `suffix`.

        Raises: BadInput (the model knows no fill-in-the-middle tokens)
        """
        fim = self.card.fim
        if fim is None:
            raise BadInput(f"'{self.name}' cannot fill in the middle: it has no tokens for it; use a code model such "
                           "as qwen2.5-coder-0.5b")
        encode = self.tokenizer.encode
        return [fim.prefix, *encode(prefix), fim.suffix, *encode(suffix), fim.middle]

    def stream(self, job: Job) -> Iterator[Piece]:
        """The pieces of one continuation, a token each."""
        return self.run([job])

    def run(self, jobs: Iterable[Job], exact: bool = False) -> Iterator[Piece]:
        """The pieces of all jobs, `Piece.index` telling which; at most 16 run together, the next joins as one leaves.

        exact: the same bytes for a job in any company; on the plain Transformer at the cost of computing each alone.
        Raises: BadInput, OutOfRoom (no memory for the keys and values)
        """
        fim_stop = self.card.fim.stop if self.card.fim is not None else ()
        eos_ids = tuple(dict.fromkeys((*self.card.eos_ids, *fim_stop)))
        batch = Batch(self.net, self.tokenizer, eos_ids, prefixes=self.prefixes, exact=exact,
                      speculate=self.speculate)
        waiting = iter(enumerate(jobs))
        more = True
        while more or batch.active:
            while more and len(batch.active) < MOST_TOGETHER:
                following = next(waiting, None)
                more = following is not None
                if following is not None:
                    if batch.active and not exact:
                        batch.exact = not self._widen()
                    yield batch.add(*following)
            if batch.active:
                yield from batch.step()

    @torch.inference_mode()
    def score(self, ids: Seq[int]) -> Tensor:
        """Natural log-probability of each token after the first, given those before it.

        Shapes: (len(ids) - 1,)
        Raises: BadInput (fewer than two tokens, or more than the context)
        """
        return self.score_endings(ids[:1], [ids[1:]])[0]

    def guesses(self, ids: Seq[int]) -> list[Guess]:
        """What default sampling might have drawn in place of each token, given those before it. Long texts are read in
        parts, each on its own; of a part's first token a model that answers no questions knows nothing.

        The prompt, which is not known, made other tokens likely: a model that answers is taken to have answered any,
        and the guess is wider than what is drawn from.
        """
        sampling, found = Sampling(top_p=GUESSED_MASS), list[Guess]()
        before = [] if self.chat is None else self.render([Message("user", ASKED_PERHAPS)])
        if 2 * len(before) > self.context_tok:
            before = []  # the question would leave no room for the text
        part_tok = min(self.context_tok - len(before), GUESSED_TOK)
        for start in range(0, len(ids), part_tok):
            part = list(ids[start:start + part_tok])
            known = [] if before else part[:1]
            found.extend(Guess(np.array([], dtype=np.int64), np.array([])) for _ in known)
            seen = Seen(known)

            def reads(logits: Tensor, tokens: Tensor, seen: Seen = seen) -> Tensor:
                for row, token in zip(logits, tokens.tolist(), strict=True):
                    found.append(candidates(row, sampling, seen))
                    seen.add(token)
                return tokens

            if len(part) > len(known):
                self._read_endings(before or known, [part[len(known):]], reads)
        return found

    def score_endings(self, context: Seq[int], endings: Seq[Seq[int]]) -> list[Tensor]:
        """Natural log-probabilities of the tokens of each ending after a shared context, which is computed once.

        Shapes: one (len(ending),) per ending
        Raises: BadInput (an empty context or ending, or longer than the context)
        """
        return self._read_endings(context, endings, _log_probability)

    @torch.inference_mode()
    def _read_endings(self, context: Seq[int], endings: Seq[Seq[int]], reads: Reads) -> list[Tensor]:
        longest = len(context) + max(map(len, endings), default=0)
        if not context or not all(endings) or longest > self.context_tok:
            raise BadInput(f"scoring needs a context and endings of together 2 to {self.context_tok:,} tokens; got "
                           f"{len(context):,} and {[len(ending) for ending in endings][:8]}")
        self._widen()  # who scores one text scores many
        cache = self.net.new_cache()
        reserve(cache, 1, longest)
        last = prefill(self.net, tuple(context), cache, 0, self.prefixes)[-1:]
        return [torch.cat(list(self._read_ending(list(ending), len(context), last, cache, reads)))
                for ending in endings]

    def _read_ending(self, ending: list[int], start: int, last: Tensor, cache: AnyCache,
                     reads: Reads) -> Iterator[Tensor]:
        before = last
        for begin in range(0, len(ending), 256):
            chunk = ending[begin:begin + 256]
            hidden = self.net(torch.tensor([chunk]), [start + begin], cache)
            logits = self.net.logits(torch.cat((before, hidden[:-1])))[:, : self.tokenizer.vocab_size]
            yield reads(logits, torch.tensor(chunk))
            before = hidden[-1:]

    def _widen(self) -> bool:
        """Once, before batches and scores: fp32 copies of the weights where the processor has no bf16 units and they
        leave half of the free memory free. False where a batch would be slower than its sequences one by one.
        """
        if isinstance(self.net, Engine):
            return True
        if self._wide is None:
            linears = [module for module in self.net.modules() if isinstance(module, Linear)]
            narrow = [module for module in linears if module.weight.dtype != torch.float32]
            if has_bf16_units() or not narrow:
                self._wide = True
            else:
                copies_bytes = 4 * sum(module.weight.numel() for module in narrow)
                self._wide = copies_bytes < psutil.virtual_memory().available // 2
                if self._wide:
                    self.net.widen()
        return self._wide


def _log_probability(logits: Tensor, tokens: Tensor) -> Tensor:
    return logits.log_softmax(-1).gather(1, tokens.unsqueeze(1)).squeeze(1)


def _read_template(folder: Path, tokenizer: Tokenizer, facts: dict[str, Any]) -> ChatTemplate | None:
    path = folder / "chat_template.jinja"
    if not path.exists():
        return None
    bos, eos = facts.get("bos_id"), (facts["eos_ids"] or [None])[0]
    return ChatTemplate(path.read_text("utf-8"), "" if bos is None else tokenizer.decode([bos]),
                        "" if eos is None else tokenizer.decode([eos]))
