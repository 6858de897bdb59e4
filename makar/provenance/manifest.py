"""The record of a work: what made it, from what, what was found, who let it through, and where that is stamped."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Mapping
from typing import Any

from makar.kit.config import to_json
from makar.kit.files import sha256_bytes
from makar.ledger.stamp import utf8
from makar.provenance.case import Case

FORM = 1


def manifest(case: Case, stamps: Mapping[str, str]) -> dict[str, Any]:
    """The record as plain JSON values. `stamps` are ids by kind.

    The `content` of a work that was not let out is what the model made; it stays in the ledger.
    """
    made, leaves = case.artifact, case.cleared if case.lets_out else case.artifact.content
    return {
        "form": FORM,
        "work": made.id,
        "room": made.room,
        "media_type": made.media_type,
        "content": {"sha256": sha256_bytes(utf8(leaves)), "num_chars": len(leaves)},
        "masked": case.lets_out and leaves != made.content,
        "request": to_json(made.request),
        "exact": bool(made.request.get("exact", False)),
        "checkpoint": dict(made.checkpoint),
        "trace": traced(case),
        "mark": dict(made.mark),
        "seed": made.seed,
        "finish": made.finish,
        "num_tok": made.num_tok,
        "seconds": round(made.seconds, 6),
        "parents": list(made.parents),
        "verdicts": to_json(case.verdicts),
        "decision": {**to_json(case.decision), "policy": to_json(case.policy)},
        "review": None if case.review is None else dict(case.review),
        "platform": to_json(made.platform),
        "software": software(),
        "stamps": {"request": case.request, **stamps},
    }


def traced(case: Case) -> dict[str, Any]:
    """What is known of where the work could have been learned, and the roots of the corpora that it was compared with.

    A finding says something of these corpora alone, so data that is not disclosed is said to be so.
    """
    told = str(case.artifact.checkpoint.get("training_data") or "").strip()
    disclosed = told and "not disclosed" not in told.lower()
    compared = case.policy.asked.get("originality", {})
    return {"training_data": told if disclosed else "training data not disclosed",
            "compared_with": list(compared.get("roots", ()))}


def software() -> dict[str, str]:
    """The versions that wrote the record."""
    # By name: the package's front door leads to the verbs, which lie above this layer.
    return {"makar": importlib.import_module("makar").__version__, "python": platform.python_version()}
