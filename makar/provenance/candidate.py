"""One candidate of a request on its way out: its pieces, its screen, and how much of it has left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from makar.generate.artifact import Artifact, new_id
from makar.kit.files import sha256_bytes
from makar.ledger.chain import Batch
from makar.ledger.rules import LETS_OUT
from makar.ledger.stamp import utf8
from makar.provenance.case import Case
from makar.review.decision import Decision, consequence, decide
from makar.review.policy import Policy
from makar.review.screen import Screen
from makar.verdict import Subject, Verdict


@dataclass
class Candidate:
    """`cleared` has passed the screen; `num_chars_left` of it have left, each window stamped before."""

    screen: Screen
    index: int = 0
    work: str = field(default_factory=new_id)
    num_tok: int = 0
    cleared: str = ""
    num_chars_left: int = 0

    def push(self, text: str, num_tok: int) -> None:
        """Takes what was made and clears what may leave."""
        self.num_tok += num_tok
        self.cleared += self.screen.push(text)

    def finish(self) -> None:
        """Judges the whole and clears the rest of it, or nothing."""
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
        data = utf8(self.screen.text)
        body = {"work": self.work, "request": request, "index": self.index, "content": sha256_bytes(data),
                "num_tok": self.num_tok, "num_chars_left": self.num_chars_left, "why": why}
        return batch.append("partial", body, [data]).id

    def case(self, artifact: Artifact, request: str) -> Case:
        """What the seal is shown, once finished."""
        own = replace(artifact, id=self.work)
        decision = decision_on(self.screen, self.cleared)
        out = self.cleared if decision.action in LETS_OUT else self.cleared[:self.num_chars_left]
        return Case(own, self.screen.verdicts, decision, self.screen.policy, request, out)


def judge(artifact: Artifact, policy: Policy, asked: Mapping[str, Any], request: str) -> Case:
    """Screens a whole artifact and decides on it."""
    candidate = Candidate(Screen(policy, subject(artifact.media_type, asked)), work=artifact.id)
    candidate.push(artifact.content, artifact.num_tok)
    candidate.finish()
    return candidate.case(artifact, request)


def subject(media_type: str, asked: Mapping[str, Any]) -> Subject:
    """What checks are told about a text before there is any."""
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
