"""How C2PA is used here: this machine's trusted authorities, no thumbnails, and no network unless asked."""

from __future__ import annotations

import c2pa

from makar.provenance.credentials.authority import anchors


def context() -> c2pa.Context:
    """Settings for signing and reading, with the authorities that are trusted at this moment."""
    trusted = anchors().decode()
    return c2pa.Context.from_dict({
        "trust": {"user_anchors": trusted} if trusted else {},
        "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
        "builder": {"thumbnail": {"enabled": False}},
    })
