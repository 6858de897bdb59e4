"""Makes a work again from what the ledger has of it, and says whether it came out the same, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from makar.generate.make import computed_by, content_of, make, model_of
from makar.kit.config import from_json
from makar.kit.content import Content, data_of
from makar.kit.errors import BadInput, MakarError
from makar.kit.files import sha256_bytes
from makar.ledger import Ledger, Stamp
from makar.provenance.case import content_as, verdicts_of
from makar.review.decision import mask
from makar.review.policy import Policy
from makar.room import room as room_named


@dataclass(frozen=True)
class Replay:
    """How a work came out when it was made again.

    same: byte for byte; content: what it is now, masked as it was masked then
    differs: what is not as it was when it was made: platform, checkpoint, key
    says: all of it in one sentence
    """

    work: str
    same: bool
    content: Content
    differs: tuple[str, ...]
    says: str


def replay(ledger: Ledger, id_or_prefix: str) -> Replay:
    """Makes the work of that id again, on this machine and with the weights it was made with.

    Raises: BadInput (no such work; a person wrote it; it cannot be made here), LedgerBroken
    """
    last = _stamps(ledger, id_or_prefix)
    body = last["artifact"].body
    if body["finish"] == "edited":
        raise BadInput(f"the work {body['work']} was written by a person over the work {body['parents'][0]}; what a "
                       f"model made can be replayed: makar replay {body['parents'][0]}")
    if body["finish"] == "composed":
        return _composed(ledger, body)
    return _made_again(ledger, last)


def _stamps(ledger: Ledger, id_or_prefix: str) -> dict[str, Stamp]:
    last = {stamp.kind: stamp for stamp in ledger.work(id_or_prefix)}
    if "artifact" not in last:
        raise BadInput(f"no work that was made whole has an id that begins with '{id_or_prefix}'; "
                       "`makar ledger list --kind artifact` shows them")
    return last


def _made_again(ledger: Ledger, last: Mapping[str, Stamp]) -> Replay:
    body = last["artifact"].body
    content, differs = _make(ledger, body)
    same = sha256_bytes(data_of(content)) == body["content"]
    decision = last["decision"].body if "decision" in last else {}
    if same and isinstance(content, str) and decision.get("action") == "mask":
        policy = from_json(Policy, decision["policy"])
        content = mask(content, verdicts_of(last["verdicts"]), policy, media_type=body["media_type"])
        same = sha256_bytes(data_of(content)) == decision["content"]
    return Replay(body["work"], same, content, differs, _said(body["work"], same, content, differs))


def _composed(ledger: Ledger, body: Mapping[str, Any]) -> Replay:
    """A work of several answers: each answer is made again, what was done with them is not."""
    drafts = [_made_again(ledger, _stamps(ledger, draft)) for draft in body["parents"]]
    same, work = all(draft.same for draft in drafts), body["work"]
    differs = tuple(dict.fromkeys(one for draft in drafts for one in draft.differs))
    content = content_as(body["media_type"], ledger.content(body["content"]))
    if not same:
        return Replay(work, False, content, differs, _said(work, False, content, differs))
    return Replay(work, True, content, differs, f"{work}: the {len(drafts)} answers that it was composed from come out "
                  "the same, byte for byte; composing them was not done again")


def _make(ledger: Ledger, body: Mapping[str, Any]) -> tuple[Content, tuple[str, ...]]:
    """The candidate made again, and what is not as it was."""
    room = room_named(body["room"])
    asked = json.loads(ledger.content(ledger.get(body["request"]).body["content"]))
    try:
        request: Any = from_json(room.request, asked)
        model = model_of(room, request)
    except MakarError as error:
        raise BadInput(f"the work {body['work']} cannot be made again here: {error}") from error
    index = int(body["seed"]) - int(asked["sampling"]["seed"])
    differs = (*_differences(body, model, computed_by(room, model, request)),
               *_other_mark(body, room.marked(request, index)))
    if model.sha256 != body["checkpoint"]["sha256"]:
        raise BadInput(f"the work {body['work']} cannot be made again here: {'; '.join(differs)}")
    return content_of(piece for piece in make(room, request) if piece.index == index), differs


def _differences(body: Mapping[str, Any], model: Any, now: Mapping[str, Any]) -> Iterator[str]:
    then = body["platform"]
    if model.sha256 != body["checkpoint"]["sha256"]:
        yield (f"the weights of '{model.name}' were {body['checkpoint']['sha256'][:16]}, here they are "
               f"{model.sha256[:16]}")
    for fact in sorted(then.keys() | now.keys()):
        if then.get(fact) != now.get(fact):
            yield f"{fact} was {then.get(fact, 'not told')}, here it is {now.get(fact, 'not told')}"


def _other_mark(body: Mapping[str, Any], now: Mapping[str, str]) -> Iterator[str]:
    """A later version may mark otherwise, and the mark decides which tokens are drawn, which pixels are shaded."""
    then = body.get("mark", {}).get("scheme")
    if then is not None and then != now.get("scheme"):
        yield f"the mark was of the scheme {then}, here it is {now.get('scheme', 'none')}"


def _said(work: str, same: bool, content: Content, differs: Sequence[str]) -> str:
    if same:
        return f"{work}: the same, byte for byte ({len(data_of(content)):,} bytes)"
    if differs:
        return f"{work}: NOT the same; what is not as it was: {'; '.join(differs)}"
    return (f"{work}: NOT the same, though platform and weights are as they were; other works in the same batch, or a "
            "cached prompt, can change the last digit of a sum: works made with --exact come out the same in any case")
