"""The seal: the only place where a Released is made, and only together with its stamps."""

from __future__ import annotations

from typing import Any

from makar.kit.config import canonical, to_json
from makar.kit.content import data_of, utf8
from makar.kit.errors import BadInput
from makar.kit.files import sha256_bytes
from makar.ledger import Ledger
from makar.ledger.chain import Batch
from makar.provenance.case import Case, Filed, artifact_body, decision_body
from makar.provenance.fingerprint import fingerprint
from makar.provenance.manifest import manifest
from makar.provenance.released import _KEY, Released, Withheld
from makar.review.decision import Decision, decide
from makar.review.policy import ACTIONS


def seal(case: Case, ledger: Ledger) -> Released:
    """Stamps the work, its verdicts, the decision and the release in one transaction, and releases it.

    Raises: Withheld (stamped too), BadInput (no decision, or one that is softer than the policy), LedgerBroken
    """
    with ledger.batch() as batch:
        outcome = seal_in(batch, case)
    if isinstance(outcome, Withheld):
        raise outcome
    return outcome


def seal_in(batch: Batch, case: Case, filed: Filed | None = None) -> Released | Withheld:
    """As `seal`, within a transaction: what it returns counts only once that has ended well.

    filed: the stamps of artifact and verdicts where these are in the ledger already.
    Raises: BadInput
    """
    _require_decision(case)
    filed = _file(batch, case) if filed is None else filed
    decision = batch.append("decision", decision_body(case, filed), [data_of(case.cleared)] if case.lets_out else [])
    named = {"artifact": filed.artifact, "verdicts": filed.verdicts, "decision": decision.id}
    # In one transaction the next stamp is the next number.
    position = {"seq": decision.seq + 1, "prev": decision.id}
    return _release(batch, case, named, position) if case.lets_out else _withhold(batch, case, named, position)


def _require_decision(case: Case) -> None:
    """A policy's decision may be harder than the verdicts ask for, never softer; a person may let out what was held."""
    if not isinstance(case.decision, Decision) or case.decision.action not in ACTIONS:
        raise BadInput(f"nothing is sealed without a Decision; got {case.decision!r:.80}")
    asked_for = decide(case.policy, case.verdicts).action
    by_policy = case.decision.by.startswith("policy:")
    if by_policy and ACTIONS.index(case.decision.action) < ACTIONS.index(asked_for):
        raise BadInput(f"policy '{case.policy.name}' says {asked_for}, the decision says {case.decision.action}; only "
                       "a person can decide so, with makar review")
    if case.decision.action == "release" and case.cleared != case.artifact.content:
        raise BadInput("a decision to release lets out the work as it was made; this one would change it")


def _file(batch: Batch, case: Case) -> Filed:
    artifact = batch.append("artifact", artifact_body(case.artifact, case.request), [case.artifact.data])
    verdicts = batch.append("verdicts", {"work": case.artifact.id, "artifact": artifact.id,
                                         "verdicts": to_json(case.verdicts)})
    return Filed(artifact.id, verdicts.id)


def _release(batch: Batch, case: Case, named: dict[str, str], position: dict[str, Any]) -> Released:
    # The stamp holds the record up to itself; the record that leaves also names the stamp.
    kept = utf8(canonical(manifest(case, named, position)))
    body = {"work": case.artifact.id, "request": case.request, **named,
            "content": sha256_bytes(data_of(case.cleared)), "record": sha256_bytes(kept),
            "fingerprint": fingerprint(case.artifact.media_type, data_of(case.cleared)),
            "mark": dict(case.artifact.mark)}
    stamp = batch.append("release", body, [kept])
    return Released(case.cleared, canonical(manifest(case, {**named, "release": stamp.id}, position)), _KEY)


def _withhold(batch: Batch, case: Case, named: dict[str, str], position: dict[str, Any]) -> Withheld:
    reasons = list(case.decision.reasons) or [case.decision.why]
    stamp = batch.append("withheld", {"work": case.artifact.id, "request": case.request, **named,
                                      "action": case.decision.action, "reasons": reasons,
                                      "num_chars_left": len(case.cleared)})
    return Withheld(case.decision.action, reasons, manifest(case, {**named, "withheld": stamp.id}, position))
