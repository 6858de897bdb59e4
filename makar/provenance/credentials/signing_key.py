"""The key that signs, as it lies on the disk. What makes keys needs a library of certificates, and signing does not:
importing that would take longer than a signature.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from makar.kit.errors import BadInput, Damaged
from makar.kit.home import home

SETTINGS = "settings.json"


@dataclass(frozen=True)
class SigningKey:
    """A key that can sign. `id` is the serial number of its certificate in hex.

    chain: the certificate and those that vouch for it, in PEM
    time_stamps: the URL of an RFC 3161 service that is asked for the time of each signature
    """

    id: str
    algorithm: str
    chain: bytes
    private: bytes
    time_stamps: str | None = None


def folder() -> Path:
    """Where the signing keys lie."""
    return home() / "keys" / "signing"


def current_key() -> SigningKey:
    """The key that signs now; an authority and a key are made where there are none.

    Raises: Damaged, BadInput, OutOfRoom
    """
    if not (folder() / SETTINGS).is_file():
        from makar.provenance.credentials import authority

        authority.begin()
    name, service, algorithm = settings()
    chain, private = read(f"{name}.pem"), read(f"{name}.key")
    if algorithm is None:
        from makar.provenance.credentials import authority

        algorithm = authority.algorithm_of(authority.private_key(private))
    return SigningKey(name, algorithm, chain, private, service)


def anchors() -> bytes:
    """The certificates of every authority that is trusted here, in PEM; empty where there are no keys yet."""
    found = [folder() / "authority.pem", *sorted((folder() / "trusted").glob("*.pem"))]
    return b"".join(path.read_bytes() for path in found if path.is_file())


def settings() -> tuple[str, str | None, str | None]:
    """The id of the key that signs, the time-stamp service, and the key's algorithm, which earlier versions did not
    write down.

    Raises: Damaged
    """
    path = folder() / SETTINGS
    try:
        found = json.loads(path.read_bytes())
        algorithm = found.get("algorithm")
        return str(found["key"]), found.get("time_stamps"), None if algorithm is None else str(algorithm)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"'{path}' is damaged; write {{\"key\": \"ID\"}} there, with an ID for which there are ID.pem "
                      "and ID.key, or move the folder away and new keys are made") from error


def read(name: str) -> bytes:
    """A file of a key.

    Raises: Damaged, BadInput
    """
    path = folder() / name
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Damaged(f"the signing key '{path}' is gone; restore it, or make another: makar keys rotate (what was "
                      "signed with the old one still verifies)") from error
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror}") from error
