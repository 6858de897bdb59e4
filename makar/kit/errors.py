"""The one tree of errors. A message says what failed, expected against got, and what to type next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_LISTED = 40  # names in a message


class MakarError(Exception):
    """Anything a user can cause and mend. The CLI prints its one line and exits with `exit_code`."""

    exit_code = 2

    def __str__(self) -> str:
        """What a message quotes of a file or a prompt may break lines or move the cursor; here it is escaped."""
        return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in super().__str__())


class BadInput(MakarError):
    """An argument, prompt, file or configuration that cannot be used as given."""


class UnknownName(BadInput):
    """A name nobody registered; the message lists those that are, of many the first, and names the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
        super().__init__(f"unknown {kind} '{name}'{hint} Known: {', '.join(names[:MOST_LISTED]) or 'none'}{more}")


class NotHere(MakarError):
    """A file, work, model or dependency that is not on this machine; says how to get it."""


class NoNetwork(NotHere):
    """No mirror could be reached; says what to run on a connected machine and where to put the file."""


class Damaged(MakarError):
    """Bytes that do not hash to what they should, or a file cut short; nothing of it was used."""


class OutOfRoom(MakarError):
    """Disk or memory that does not suffice; says both numbers."""


class TimedOut(MakarError):
    """Work stopped at its time limit."""


class LedgerBroken(MakarError):
    """The ledger's chain does not verify, or the ledger cannot be written."""


class Interrupted(MakarError):
    """Ctrl-C in the middle; the partial work is kept and named."""

    exit_code = 130


class Stopped(MakarError):
    """A work that did not leave: held for review or refused. Base of `makar.Withheld`."""

    exit_code = 3
