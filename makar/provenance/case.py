"""What the seal is shown: an artifact with its verdicts and its decision; and how these are written in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from makar.generate.artifact import Artifact
from makar.kit.config import to_json
from makar.kit.content import Content, data_of, is_text
from makar.kit.files import sha256_bytes
from makar.ledger import Ledger, Stamp
from makar.ledger.rules import LETS_OUT
from makar.review.decision import Decision
from makar.review.policy import Policy
from makar.verdict import Span, Verdict


@dataclass(frozen=True)
class Case:
    """A work before the seal.

    cleared: what the screen let through; of a work that is not let out, what had left before it was stopped
    request: id of the request stamp
    review: what a person did to the work: `verb` (approve, reject, edit), `by`, `why`
    """

    artifact: Artifact
    verdicts: tuple[Verdict, ...]
    decision: Decision
    policy: Policy
    request: str
    cleared: Content
    review: Mapping[str, str] | None = None

    @property
    def lets_out(self) -> bool:
        """Whether the decision lets the work leave."""
        return self.decision.action in LETS_OUT


@dataclass(frozen=True)
class Filed:
    """Ids of the stamps that hold an artifact and its verdicts."""

    artifact: str
    verdicts: str


def artifact_body(made: Artifact, request: str) -> dict[str, Any]:
    """The body of an artifact stamp; the content goes with it. `request` is the id of the request stamp."""
    return {"work": made.id, "request": request, "room": made.room, "media_type": made.media_type,
            "content": sha256_bytes(made.data), "checkpoint": dict(made.checkpoint), "seed": made.seed,
            "finish": made.finish, "num_tok": made.num_tok, "seconds": round(made.seconds, 6),
            "parents": list(made.parents), "platform": dict(made.platform), "mark": dict(made.mark)}


def decision_body(case: Case, filed: Filed) -> dict[str, Any]:
    """The body of a decision stamp, with the policy as it was, for a policy's name may later mean something else."""
    content = sha256_bytes(data_of(case.cleared)) if case.lets_out else None
    return {"work": case.artifact.id, "artifact": filed.artifact, "verdicts": filed.verdicts, "content": content,
            **to_json(case.decision), "policy": to_json(case.policy)}


def verdicts_of(stamp: Stamp) -> tuple[Verdict, ...]:
    """The verdicts that a verdicts stamp holds."""
    return tuple(Verdict(**{**body, "spans": tuple(Span(**span) for span in body["spans"])})
                 for body in stamp.body["verdicts"])


def content_as(media_type: str, data: bytes) -> Content:
    """What the ledger kept, as it was: a text, or the bytes of a file."""
    return data.decode() if is_text(media_type) else data


def artifact_of(ledger: Ledger, stamp: Stamp, request: Mapping[str, Any]) -> Artifact:
    """The artifact that an artifact stamp holds.

    Raises: LedgerBroken
    """
    body = stamp.body
    return Artifact(
        id=body["work"], room=body["room"], media_type=body["media_type"],
        content=content_as(body["media_type"], ledger.content(body["content"])), request=request,
        checkpoint=body["checkpoint"], seed=body["seed"], finish=body["finish"], num_tok=body["num_tok"],
        seconds=body["seconds"], parents=tuple(body["parents"]), platform=body["platform"],
        mark=body.get("mark", {}))
