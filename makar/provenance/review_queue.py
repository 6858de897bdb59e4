"""Works that wait for a person, and what a person can do with them: approve, reject, edit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from makar.generate.artifact import new_id
from makar.kit.config import from_json
from makar.kit.content import Content
from makar.kit.errors import BadInput
from makar.ledger import Ledger, Stamp
from makar.ledger.chain import Batch
from makar.provenance.candidate import judge
from makar.provenance.case import Case, Filed, artifact_of, content_as, verdicts_of
from makar.provenance.released import Released, Withheld
from makar.provenance.seal import seal_in
from makar.review.decision import Decision, mask
from makar.review.policy import Policy


@dataclass(frozen=True)
class Kept:
    """A work as the ledger keeps it.

    state: held, refused, released, or what a person did: approve, reject, edit
    asked: what its checks judged by
    """

    case: Case
    filed: Filed
    state: str
    at: str
    asked: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The work's id."""
        return self.case.artifact.id

    @property
    def approved_content(self) -> Content:
        """What an approval lets out: the work, with what its policy masks masked."""
        made = self.case.artifact
        if isinstance(made.content, bytes):
            return made.content
        return mask(made.content, self.case.verdicts, self.case.policy, media_type=made.media_type)


def pending(ledger: Ledger) -> list[Kept]:
    """The works that are held and that no person has decided on, oldest first."""
    settled = {stamp.body["work"] for stamp in ledger.stamps("review")}
    return [kept(ledger, stamp.body["work"]) for stamp in ledger.stamps("withheld")
            if stamp.body["action"] == "hold" and stamp.body["work"] not in settled]


def kept(ledger: Ledger, work: str) -> Kept:
    """The work whose id begins so.

    Raises: BadInput (none, several, or one that was never finished)
    """
    last = {stamp.kind: stamp for stamp in ledger.work(work)}
    if not last:
        raise BadInput(f"no work has an id that begins with '{work}'; `makar review list` shows those that wait")
    if "decision" not in last:  # a draft, or broken off
        raise BadInput(f"the work '{work}' was never finished; `makar ledger show {work}` shows what there is of it")
    body = last["decision"].body
    request = ledger.get(last["artifact"].body["request"])
    artifact = artifact_of(ledger, last["artifact"], json.loads(ledger.content(request.body["content"])))
    out = content_as(artifact.media_type, ledger.content(body["content"])) if body["content"] else ""
    case = Case(artifact, verdicts_of(last["verdicts"]), _decision(body), from_json(Policy, body["policy"]),
                request.id, out)
    return Kept(case, Filed(last["artifact"].id, last["verdicts"].id), _state(last), last["artifact"].at,
                json.loads(ledger.content(request.body["asked"])))


def approve(ledger: Ledger, work: str, who: str, why: str) -> Released:
    """Releases a held work by a person's decision; what its policy masks is masked.

    Raises: BadInput (not held, nobody named, no reason)
    """
    _require_words(who, why)
    with ledger.batch() as batch:
        held = _held(ledger, work)
        content = held.approved_content
        action = "release" if content == held.case.artifact.content else "mask"
        review = _review(batch, held, {"verb": "approve", "by": who, "why": why})
        decision = Decision(action, who, why, held.case.decision.reasons)
        outcome = seal_in(batch, replace(held.case, decision=decision, cleared=content, review=review), held.filed)
    assert isinstance(outcome, Released)  # both actions let out
    return outcome


def reject(ledger: Ledger, work: str, who: str, why: str) -> Withheld:
    """Refuses a held work by a person's decision; it stays in the ledger.

    Raises: BadInput
    """
    _require_words(who, why)
    with ledger.batch() as batch:
        held = _held(ledger, work)
        review = _review(batch, held, {"verb": "reject", "by": who, "why": why})
        decision = Decision("refuse", who, why, held.case.decision.reasons)
        outcome = seal_in(batch, replace(held.case, decision=decision, cleared="", review=review), held.filed)
    assert isinstance(outcome, Withheld)  # a refusal lets nothing out
    return outcome


def edit(ledger: Ledger, work: str, content: str, who: str, why: str) -> Released:
    """Makes a new work of a person's words, linked to the one it replaces, under the same checks and policy.

    Raises: Withheld (by the checks again), BadInput
    """
    _require_words(who, why)
    old = kept(ledger, work)
    made = old.case.artifact
    if isinstance(made.content, bytes):
        raise BadInput(f"the work {made.id} is a file of type {made.media_type}, not a text that words can replace; "
                       "approve or reject it, or ask for another")
    if not content.strip():
        raise BadInput("the edited text is empty; to let nothing out: makar review reject")
    if content == made.content:
        raise BadInput("the edit changes nothing; to let the work out as it is: makar review approve")
    new = replace(made, id=new_id(), content=content, parents=(made.id,), finish="edited", num_tok=0, seconds=0.0,
                  logprobs=())
    case = judge(new, old.case.policy, old.asked, old.case.request)
    with ledger.batch() as batch:
        review = _review(batch, old, {"verb": "edit", "by": who, "why": why, "new": new.id})
        outcome = seal_in(batch, replace(case, review=review))
    if isinstance(outcome, Withheld):
        raise outcome
    return outcome


def _held(ledger: Ledger, work: str) -> Kept:
    found = kept(ledger, work)
    if found.state != "held":
        done = {"refused": "was refused by the policy; edit it instead, or ask again under another policy",
                "released": "is released already"}.get(found.state, f"was settled by a person: {found.state}")
        raise BadInput(f"the work {found.id} does not wait for review: it {done}")
    return found


def _review(batch: Batch, old: Kept, review: dict[str, str]) -> dict[str, str]:
    batch.append("review", {"work": old.id, "artifact": old.filed.artifact, **review})
    return review


def _state(last: Mapping[str, Stamp]) -> str:
    if "review" in last:
        return str(last["review"].body["verb"])
    if "release" in last:
        return "released"
    return "held" if last["withheld"].body["action"] == "hold" else "refused"


def _decision(body: Mapping[str, Any]) -> Decision:
    return Decision(body["action"], body["by"], body["why"], tuple(body["reasons"]))


def _require_words(who: str, why: str) -> None:
    """A person's decision names the person and the reason; neither may look like a policy's."""
    for name, words in (("who decides (--by)", who), ("the reason (--why)", why)):
        if not words.strip() or not words.isprintable():
            raise BadInput(f"a review needs {name} in one line of words")
    if who.startswith("policy:"):
        raise BadInput(f"'{who}' names a policy; a review is decided by a person")
