"""How C2PA is used here: this machine's trusted authorities, no thumbnails, and no network unless asked."""

from __future__ import annotations

import c2pa

from makar.provenance.credentials.authority import anchors


def context(*, checked: bool = True) -> c2pa.Context:
    """Settings for signing and reading, with the authorities that are trusted at this moment.

    checked: whether what is read is held against its signature
    """
    trusted = anchors().decode()
    return c2pa.Context.from_dict({
        "trust": {"user_anchors": trusted} if trusted else {},
        "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False,
                   "verify_after_reading": checked},
        "builder": {"thumbnail": {"enabled": False}},
    })
