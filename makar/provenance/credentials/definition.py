"""A work's manifest in the words of C2PA: what made it, what was done to it, what it was made from.

Source: C2PA Technical Specification 2.4, sections 9 and 18; IPTC digital source types
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from makar.provenance.credentials.media import Media

FIRST_PARENT = "parent-0"
MANIFEST = "org.makar.manifest"
FILE_TYPE = "org.makar.file-type"
TRAINING_DATA = "org.makar.training-data"
_SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = f"{_SOURCES}trainedAlgorithmicMedia"
EDITED = f"{_SOURCES}compositeWithTrainedAlgorithmicMedia"  # a model's and a person's work together


def definition(manifest: Mapping[str, Any], media: Media, *, opened: bool) -> dict[str, Any]:
    """The manifest definition that the C2PA builder takes. `opened`: there is a parent file that it was made from."""
    checkpoint = manifest["checkpoint"]
    training = {"checkpoint": checkpoint, **manifest["trace"]}
    return {
        "claim_generator_info": [{"name": "Makar", "version": str(manifest["software"]["makar"])}],
        "title": manifest["work"],
        "format": media.media_type,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": _actions(manifest, opened)}, "created": True},
            {"label": TRAINING_DATA, "data": training, "kind": "Json", "created": True},
            {"label": MANIFEST, "data": dict(manifest), "kind": "Json", "created": True},
        ],
    }


def _actions(manifest: Mapping[str, Any], opened: bool) -> list[dict[str, Any]]:
    """What was done, in order; C2PA wants first that a work was created, or that its parent was opened."""
    edited = opened or (manifest["review"] or {}).get("verb") == "edit"
    source = EDITED if edited else GENERATED
    agent = {"name": "Makar", "version": str(manifest["software"]["makar"])}
    first: dict[str, Any] = {"action": "c2pa.opened", "parameters": {"ingredientIds": [FIRST_PARENT]}}
    if not opened:
        first = {"action": "c2pa.created", "digitalSourceType": source}
    actions = [{**first, "softwareAgent": agent,
                "description": f"made by the model '{manifest['checkpoint'].get('name')}'"}]
    if edited:
        actions.append({"action": "c2pa.edited", "softwareAgent": agent, "digitalSourceType": EDITED})
    if manifest["masked"]:
        actions.append({"action": "c2pa.edited", "softwareAgent": agent, "description": "parts were masked by policy"})
    return actions
