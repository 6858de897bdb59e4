"""One candidate of a request on its way out: its pieces, its screen, and how much of it has left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from makar.checks import run_all
from makar.generate.artifact import Artifact, new_id
from makar.kit.content import utf8
from makar.kit.files import sha256_bytes
from makar.ledger.chain import Batch
from makar.ledger.rules import LETS_OUT
from makar.provenance.case import Case
from makar.review.decision import Decision, consequence, decide
from makar.review.policy import Policy
from makar.review.screen import Screen
from makar.room import Piece
from makar.verdict import Subject, Verdict


@dataclass
class Candidate:
    """Text passes the screen: `cleared` is through, `num_chars_left` of it have left, each window stamped before.

    data: the bytes of a work that is no text; it is judged whole and leaves whole or not at all.
    """

    screen: Screen
    index: int = 0
    work: str = field(default_factory=new_id)
    num_tok: int = 0
    cleared: str = ""
    num_chars_left: int = 0
    data: bytes | None = None

    def push(self, piece: Piece) -> None:
        """Takes what was made and clears what may leave."""
        self.num_tok += piece.num_tok
        if piece.data is None:
            self.cleared += self.screen.push(piece.text)
        else:
            self.data = piece.data

    def finish(self) -> None:
        """Judges the whole text and clears the rest of it, or nothing."""
        if self.data is None:
            self.cleared += self.screen.finish()

    @property
    def refused(self) -> bool:
        """Whether nothing that could still be made would be let out or looked at by a person."""
        stopped = self.screen.stopped
        return stopped is not None and consequence(self.screen.policy, stopped) == "refuse"

    def leave(self, batch: Batch, request: str) -> str:
        """Stamps what was cleared since the last time; it may leave once the batch has ended well."""
        window = self.cleared[self.num_chars_left:]
        data = utf8(window)
        batch.append("window", {"work": self.work, "request": request, "index": self.index,
                                "start": self.num_chars_left, "num_chars": len(window),
                                "content": sha256_bytes(data)}, [data])
        self.num_chars_left = len(self.cleared)
        return window

    def keep(self, batch: Batch, request: str, why: str) -> str:
        """Stamps unfinished work as such, with all that was made; returns the stamp's id."""
        data = utf8(self.screen.text) if self.data is None else self.data
        body = {"work": self.work, "request": request, "index": self.index, "content": sha256_bytes(data),
                "num_tok": self.num_tok, "num_chars_left": self.num_chars_left, "why": why}
        return batch.append("partial", body, [data]).id

    def case(self, artifact: Artifact, request: str) -> Case:
        """What the seal is shown, once finished."""
        own = replace(artifact, id=self.work)
        if self.data is not None:
            return _whole(own, self.data, self.screen, request)
        decision = decision_on(self.screen, self.cleared)
        out = self.cleared if decision.action in LETS_OUT else self.cleared[:self.num_chars_left]
        return Case(own, self.screen.verdicts, decision, self.screen.policy, request, out)


def judge(artifact: Artifact, policy: Policy, asked: Mapping[str, Any], request: str) -> Case:
    """Screens a whole artifact and decides on it."""
    candidate = Candidate(Screen(policy, subject(artifact.media_type, asked)), work=artifact.id)
    data = artifact.content if isinstance(artifact.content, bytes) else None
    candidate.push(Piece("" if data is not None else artifact.text, artifact.num_tok, data=data))
    candidate.finish()
    return candidate.case(artifact, request)


def _whole(artifact: Artifact, data: bytes, screen: Screen, request: str) -> Case:
    """The case of a work that is no text: every check has seen all of it, and nothing of it can be masked."""
    verdicts = run_all(replace(screen.template, content=data))
    decision = decide(screen.policy, verdicts)
    return Case(artifact, verdicts, decision, screen.policy, request, data if decision.action in LETS_OUT else b"")


def subject(media_type: str, asked: Mapping[str, Any]) -> Subject:
    """What checks are told about a work before there is any."""
    return Subject("", media_type, dict(asked))


def decision_on(screen: Screen, cleared: str) -> Decision:
    """The policy's decision on a finished screen. What the screen stopped stays in, whatever the whole looks like."""
    decision = decide(screen.policy, screen.verdicts)
    stopped: Verdict | None = screen.stopped
    if stopped is not None and decision.action in LETS_OUT:
        reason = f"{stopped.check}: {stopped.reason} (hold)"
        return Decision("hold", decision.by, f"the check '{stopped.check}' stopped the work",
                        (*decision.reasons, reason))
    if stopped is None and decision.action == "release" and cleared != screen.text:
        return replace(decision, action="mask", why="parts were masked while the work was made")
    return decision
