"""The texts of a known archive, written out as files. Nothing else of it is unpacked."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

from makar.kit.errors import Damaged
from makar.kit.files import atomic_write
from makar.store.catalogue import Archive
from makar.store.fetch import fetch

MOST_TEXT_BYTES = 50_000_000


def unpack_texts(archive: Archive, folder: Path) -> int:
    """Fetches the archive, if it is not in the store, and writes its texts into `folder`; returns how many.

    Raises: NoNetwork, NotHere, Damaged, OutOfRoom
    """
    raw, wanted, num = fetch(archive, show=True), re.compile(archive.members), 0
    try:
        with tarfile.open(raw, "r:gz") as tarball:
            for found in tarball:
                if wanted.fullmatch(found.name) and found.isreg() and found.size <= MOST_TEXT_BYTES:
                    source = tarball.extractfile(found)
                    assert source is not None
                    atomic_write(folder / archive.name / Path(found.name).name, source.read())
                    num += 1
    except (tarfile.TarError, EOFError) as error:
        raise Damaged(f"the archive of {archive.name} cannot be read ({error}); remove '{raw}'") from error
    return num
