"""The keys of marks: secret, kept on this machine for its owner alone, and named in records by a public id.

`$MAKAR_HOME/keys/marks/` holds a file per key and one that names the current key. Rotating makes a new current key and
keeps the old ones, so works that carry an old mark are still recognised.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from makar.kit.errors import BadInput, Damaged, NotHere, UnknownName
from makar.kit.files import atomic_write, disk_errors
from makar.kit.home import home
from makar.kit.lock import held

SECRET_BYTES = 32
ID_CHARS = 16
_FORM = 1
OWNER_ONLY, _OWNER_FOLDER = 0o600, 0o700


class MarkKey:
    """A secret of 256 bits under its public id. The secret shows in no representation, pickle or record."""

    __slots__ = ("_secret", "id", "made")

    def __init__(self, secret: bytes, made: str = "") -> None:
        if len(secret) != SECRET_BYTES:
            raise BadInput(f"the secret of a mark key has {SECRET_BYTES} bytes; got {len(secret)}")
        self._secret = secret
        self.id = hashlib.blake2b(secret, digest_size=ID_CHARS // 2, person=b"makar mark id").hexdigest()
        self.made = made

    @classmethod
    def new(cls) -> MarkKey:
        """A key from the system's randomness."""
        return cls(secrets.token_bytes(SECRET_BYTES), datetime.now(UTC).isoformat(timespec="seconds"))

    def derive(self, purpose: str, size_bytes: int = 16) -> bytes:
        """A key for one purpose, from which neither the secret nor the key of another purpose can be told.

        Source: RFC 7693 (BLAKE2b as a keyed hash)
        """
        return hashlib.blake2b(purpose.encode(), key=self._secret, digest_size=size_bytes,
                               person=b"makar mark key").digest()

    def __repr__(self) -> str:
        return f"MarkKey({self.id})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MarkKey) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a mark key is never pickled: its secret stays in its file")


def current_key() -> MarkKey:
    """The key that new works are marked with; the first call on a machine makes it.

    Raises: Damaged (its file was changed), BadInput (the folder cannot be written)
    """
    found = _current()
    return found if found is not None else _make_current(unless_there=True)


def rotate() -> MarkKey:
    """Makes a new current key; the earlier ones stay and still recognise their works.

    Raises: BadInput (the folder cannot be written)
    """
    return _make_current(unless_there=False)


def key(key_id: str) -> MarkKey:
    """The key of that id, current or rotated out.

    Raises: NotHere, Damaged
    """
    if key_id not in _ids():
        raise NotHere(f"the mark key {key_id!r:.40} is not on this machine; what it marked cannot be recognised, or "
                      "made again, without its file in keys/marks/ (makar keys import)")
    return _read(key_id)


def keys() -> list[MarkKey]:
    """Every key here, the current one first, then by id.

    Raises: Damaged
    """
    current = _current()
    others = [_read(name) for name in _ids() if current is None or name != current.id]
    return [*([current] if current is not None else []), *others]


def add(secret: bytes, made: str = "") -> MarkKey:
    """Keeps a key from elsewhere, beside those here; it recognises works, and marks none unless made current.

    Raises: BadInput
    """
    new = MarkKey(secret, made)
    if new.id not in _ids():
        _write(new)
    return new


def make_current(key_id: str) -> MarkKey:
    """Marks new works with a key that is here already.

    Raises: UnknownName, Damaged
    """
    if key_id not in _ids():
        raise UnknownName("mark key", key_id, _ids())
    with held(key_folder() / ".lock", wait_quietly):
        atomic_write(key_folder() / "current", f"{key_id}\n", mode=OWNER_ONLY)
    return _read(key_id)


def _make_current(*, unless_there: bool) -> MarkKey:
    with held(key_folder() / ".lock", wait_quietly):
        if unless_there and (found := _current()) is not None:
            return found  # another process was faster
        new = MarkKey.new()
        _write(new)
        atomic_write(key_folder() / "current", f"{new.id}\n", mode=OWNER_ONLY)
    return new


def wait_quietly() -> None:
    """Another process holds the folder for the time of one small write: nothing to tell."""


def key_folder() -> Path:
    """Where the keys are, for their owner alone. Raises: BadInput"""
    folder = home() / "keys" / "marks"
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=_OWNER_FOLDER)
    return folder


def _ids() -> list[str]:
    return sorted(path.stem for path in key_folder().glob("*.json"))


def _current() -> MarkKey | None:
    path = key_folder() / "current"
    return _read(path.read_text("utf-8").strip()) if path.exists() else None


def _write(new: MarkKey) -> None:
    body = {"form": _FORM, "id": new.id, "made": new.made, "secret": new._secret.hex()}
    atomic_write(key_folder() / f"{new.id}.json", json.dumps(body) + "\n", mode=OWNER_ONLY)


def _read(key_id: str) -> MarkKey:
    path = key_folder() / f"{key_id}.json"
    try:
        body: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if body["form"] != _FORM:
            raise Damaged(f"'{path}' has form {body['form']!r:.20}, which this version does not know; update makar")
        found = MarkKey(bytes.fromhex(body["secret"]), str(body["made"]))
    except (OSError, ValueError, KeyError, TypeError, BadInput) as error:
        raise Damaged(f"the mark key '{path}' cannot be read ({type(error).__name__}); put a copy of the file "
                      "back") from None
    if found.id != key_id:
        raise Damaged(f"the mark key '{path}' does not belong to its name; put a copy of the file back")
    return found
