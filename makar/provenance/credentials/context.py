"""How C2PA is used here: this machine's trusted authorities, no thumbnails, and no network unless asked."""

from __future__ import annotations

import functools

import c2pa

from makar.provenance.credentials.signing_key import anchors


def context(*, checked: bool = True) -> c2pa.Context:
    """Settings for signing and reading, with the authorities that are trusted at this moment.

    checked: whether what is read is held against its signature
    """
    return _made(anchors().decode(), checked)


@functools.lru_cache(maxsize=8)
def _made(trusted: str, checked: bool) -> c2pa.Context:
    """Kept for as long as the same authorities are trusted: it is only read, and to make two for each signature took an
    eighth of its time.
    """
    return c2pa.Context.from_dict({
        "trust": {"user_anchors": trusted} if trusted else {},
        "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False,
                   "verify_after_reading": checked},
        "builder": {"thumbnail": {"enabled": False}},
    })
