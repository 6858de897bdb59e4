"""The manifest of a work: what made it, from what, what was found, who let it through, and where that is stamped.

It is one canonical JSON per work. The ledger keeps it with the release stamp, `Released.record` is the same, and the
copy that is signed into a file or beside it differs in one thing: what was asked is there as its hash, unless the
policy says that all may read it.
"""

from __future__ import annotations

import importlib
import platform
import re
from collections.abc import Mapping
from typing import Any

from makar.kit.config import canonical, to_json
from makar.kit.content import Content, data_of, utf8
from makar.kit.files import sha256_bytes
from makar.provenance.case import Case

FORM = 2
FORMS = (1, 2)
"""The forms that can be read."""
# Of a request: how it is made, not what is asked.
_CONFIGURES = ("task", "sampling", "options", "n", "exact", "style", "size_px", "background", "form",
               "enlarger")
_ROOT = re.compile(r"(?:corpus|folder) ([0-9a-f]{64})\b")


def manifest(case: Case, stamps: Mapping[str, str], position: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as plain JSON values. `stamps` are ids by kind; `position` is where in the ledger it is stamped.

    The `content` of a work that was not let out is what the model made; it stays in the ledger.
    """
    made, leaves = case.artifact, case.cleared if case.lets_out else case.artifact.content
    return {
        "form": FORM,
        "work": made.id,
        "room": made.room,
        "media_type": made.media_type,
        "content": _content(leaves),
        "masked": case.lets_out and leaves != made.content,
        "request": to_json(made.request),
        "configuration": {key: to_json(made.request[key]) for key in _CONFIGURES if key in made.request},
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
        "ledger": dict(position),
    }


def _content(content: Content) -> dict[str, Any]:
    unit = "num_chars" if isinstance(content, str) else "num_bytes"
    return {"sha256": sha256_bytes(data_of(content)), unit: len(content)}


def disclosed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as it is signed into a file that leaves: what was asked as its hash, unless the policy tells it."""
    if record["decision"]["policy"].get("signed_request") == "full":
        return dict(record)
    return {**record, "request": {"sha256": sha256_bytes(utf8(canonical(record["request"])))}}


def traced(case: Case) -> dict[str, Any]:
    """What is known of where the work could have been learned, and the roots of the corpora that it was compared with.

    A finding says something of these corpora alone, so data that is not disclosed is said to be so.
    """
    told = str(case.artifact.checkpoint.get("training_data") or "").strip()
    known = told and "not disclosed" not in told.lower()
    compared = case.policy.asked.get("originality", {})
    root = _ROOT.match(told)
    return {"training_data": told if known else "training data not disclosed",
            "corpus_root": root[1] if root else None, "compared_with": list(compared.get("roots", ()))}


def software() -> dict[str, str]:
    """The versions that wrote the record."""
    # By name: the package's front door leads to the verbs, which lie above this layer.
    return {"makar": importlib.import_module("makar").__version__, "python": platform.python_version()}
