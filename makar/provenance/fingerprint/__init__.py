"""What is left of a work when its signature and its mark are gone: 256 bits that edits change little.

A kind of media has its module here, whose `bits(data)` gives the 256 bits, or None where there is too little to go by.
Two works are as far apart as their bits differ; `NEAR` is how far is still taken for the same work.
"""

from __future__ import annotations

from makar.kit import plugins
from makar.provenance.credentials.media import media_of_type

NUM_BITS = 256


def kind_of(media_type: str) -> str:
    """The kind of fingerprint for works of that type; an SVG is taken by its words."""
    return "text" if media_type == "image/svg+xml" else media_of_type(media_type).kind


def fingerprint(media_type: str, data: bytes) -> dict[str, str] | None:
    """The scheme and the bits in hex; None where there is no scheme for such media, or too little to go by."""
    kind = kind_of(media_type)
    if kind not in kinds():
        return None
    found = plugins.load(__name__, kind, "bits")(data)
    return None if found is None else {"scheme": plugins.load(__name__, kind, "SCHEME"), "bits": found.hex()}


def kinds() -> list[str]:
    """The kinds of media that there are fingerprints for."""
    return [name for name in plugins.names(__name__) if name != "shelf"]


def near(kind: str) -> int:
    """How many of the 256 bits may differ between two versions of one work of that kind."""
    return int(plugins.load(__name__, kind, "NEAR"))
