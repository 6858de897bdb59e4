"""Where a code work is made in several steps: every answer of the model is stamped, the last form is sealed."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from makar import store
from makar.generate.artifact import Artifact, new_id
from makar.generate.load import load
from makar.generate.make import collect, make
from makar.kit.errors import Interrupted
from makar.kit.files import sha256_bytes
from makar.ledger import Ledger, Stamp, open_ledger
from makar.marks.key import current_key
from makar.methods.autoregress import Runtime, Sampling
from makar.provenance.case import artifact_body
from makar.provenance.released import Released
from makar.provenance.work import stamp_request, submit
from makar.review.policy import Policy, load_policy
from makar.room import Piece
from makar.rooms.code import ROOM, CodeRequest
from makar.rooms.code.sample import fit
from makar.verbs.code.options import CodeOptions

USUAL_ANSWER_TOK = 1024
LATER_TEMPERATURE = 0.6


@dataclass
class Bench:
    """One work under way.

    request: what was asked of the verb; asked: what checks judge by
    drafts: the model's answers so far, each in the ledger with the words it answers
    """

    options: CodeOptions
    policy: Policy
    ledger: Ledger
    model: str
    request: Mapping[str, Any]
    asked: Mapping[str, Any]
    stamp: Stamp
    drafts: list[Artifact] = field(default_factory=list)

    def ask(self, request: CodeRequest, *, first_temperature: float | None = None) -> Artifact:
        """The model's answer to `request`, stamped; model, sampling and exactness are filled in here.

        Raises: BadInput, Interrupted (what was made is kept)
        """
        request = dataclasses.replace(request, model=self.model, exact=self.options.exact,
                                      runtime=runtime_of(self.options), sampling=self._sampling(first_temperature))
        request = fit(load(ROOM, self.model, request.runtime), request, may_clip=self.options.max_tokens is None)
        stamp = stamp_request(self.ledger, ROOM.name, request, self.policy, self.asked)
        start_s, pieces = time.monotonic(), list[Piece]()
        try:
            pieces.extend(make(ROOM, request))
        except KeyboardInterrupt:
            raise self._interrupted(stamp, pieces) from None
        made = collect(ROOM, request, pieces, seconds=time.monotonic() - start_s)[0]
        self._file(made, stamp)
        self.drafts.append(made)
        return made

    def _sampling(self, first_temperature: float | None) -> Sampling:
        options, number = self.options, len(self.drafts)
        usual = options.temperature if first_temperature is None else first_temperature
        temperature = usual if number == 0 or first_temperature is not None else max(usual, LATER_TEMPERATURE)
        marks = options.mark and self.policy.marks and temperature != 0
        return Sampling(
            max_tok=options.max_tokens or USUAL_ANSWER_TOK, top_p=options.top_p, repetition_penalty=1.0,
            temperature=temperature, seed=(options.seed or 0) + number, mark=current_key().id if marks else "")

    def _file(self, made: Artifact, request: str) -> None:
        body = {**artifact_body(made, request), "for": self.stamp.id, "draft": True}
        self.ledger.append("artifact", body, [made.data])

    def _interrupted(self, request: str, pieces: list[Piece]) -> Interrupted:
        data = "".join(piece.text for piece in pieces).encode()
        kept = self.ledger.append("partial", {
            "work": new_id(), "request": request, "index": 0, "content": sha256_bytes(data), "num_chars_left": 0,
            "num_tok": sum(piece.num_tok for piece in pieces), "why": "interrupted"}, [data])
        return Interrupted(f"interrupted; what was made so far is kept: makar ledger show {kept.id[:16]}")

    def release(self, content: str, media_type: str = "text/x-python") -> Released:
        """Checks, decides upon and seals `content`, which was composed from the drafts.

        Raises: Withheld
        """
        last = self.drafts[-1]
        artifact = Artifact(
            id=new_id(), room=ROOM.name, media_type=media_type, content=content, request=self.request, mark=last.mark,
            checkpoint=last.checkpoint, seed=self.drafts[0].seed, finish="composed",
            num_tok=sum(draft.num_tok for draft in self.drafts), seconds=sum(draft.seconds for draft in self.drafts),
            parents=tuple(draft.id for draft in self.drafts), platform=last.platform)
        return submit(artifact, policy=self.policy, ledger=self.ledger, asked=self.asked, request_stamp=self.stamp)


def runtime_of(options: CodeOptions) -> Runtime:
    """How the model is run.

    Raises: BadInput, UnknownName
    """
    return Runtime(options.arithmetic, options.cache_bits, options.threads, options.speculate)


@contextmanager
def bench(verb: str, given: Mapping[str, Any], asked: Mapping[str, Any], options: CodeOptions,
          ledger: Ledger | None) -> Iterator[Bench]:
    """A bench for one work; the request is stamped before anything is made.

    Raises: UnknownName, NoNetwork, BadInput
    """
    policy = load_policy(options.policy)
    name = options.model or store.default_model()
    load(ROOM, name, runtime_of(options))
    own = ledger if ledger is not None else open_ledger()
    try:
        request = {"task": verb, **given, "model": name, "options": dataclasses.asdict(options)}
        stamp = own.get(stamp_request(own, ROOM.name, request, policy, asked))
        yield Bench(options, policy, own, name, request, asked, stamp)
    finally:
        if ledger is None:
            own.close()
