"""Where Makar keeps its things on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder of store and ledger: `$MAKAR_HOME`, else `~/.makar`. Not created here."""
    named = os.environ.get("MAKAR_HOME")
    return Path(named).expanduser() if named else Path.home() / ".makar"
