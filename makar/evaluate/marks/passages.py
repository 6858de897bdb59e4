"""Passages that people wrote, cut to one length, and how marked they look: the false positives of a detector."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

from makar.evaluate.measure import Tokens
from makar.kit.errors import BadInput
from makar.kit.files import read_text
from makar.marks import text
from makar.marks.key import SECRET_BYTES, MarkKey
from makar.marks.tokenizers import Known

PASSAGE_TOK = 200
STRIDE_TOK = 100
BLOCK_PASSAGES = 1000
LOOKS = 4
"""Keys that each passage is looked at with: under the null they are as good as passages."""
MOST_BYTES = 500_000_000


def passages(path: Path, tokenizer: Tokens) -> Iterator[str]:
    """Passages of 200 tokens that move on by half, none across the end of a file.

    path: a text file, or a tar archive of `.txt` files
    Raises: NotHere, BadInput
    """
    for whole in _texts(path):
        for part in _parts(whole):
            ids = tokenizer.encode(part)
            for start in range(0, len(ids) - PASSAGE_TOK + 1, STRIDE_TOK):
                raw = b"".join(map(tokenizer.bytes_of, ids[start:start + PASSAGE_TOK]))
                yield raw.decode("utf-8", errors="ignore")


def blocks(path: Path, tokenizer: Tokens) -> list[tuple[str, ...]]:
    """All passages, a thousand at a time.

    Raises: NotHere, BadInput (not one passage)
    """
    found = list(passages(path, tokenizer))
    if not found:
        raise BadInput(f"'{path}' has no passage of {PASSAGE_TOK} tokens; false positives need human text")
    return [tuple(found[start:start + BLOCK_PASSAGES]) for start in range(0, len(found), BLOCK_PASSAGES)]


def p_values(block: Sequence[str], number: int, known: Known) -> list[float]:
    """How marked each passage of a block looks to keys of the block's own, which marked nothing."""
    keys = [other_key(number * LOOKS + look) for look in range(LOOKS)]
    return [p for passage in block for p in text.p_values(passage, keys, known)]


def other_key(number: int) -> MarkKey:
    """A key that marked nothing."""
    return MarkKey(blake2b(f"measured with key {number}".encode(), digest_size=SECRET_BYTES).digest())


def _texts(path: Path) -> Iterator[str]:
    if not path.is_file() or not tarfile.is_tarfile(path):
        yield read_text(path, limit_bytes=MOST_BYTES)
        return
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() and member.name.endswith(".txt") else None
                if file is not None and member.size <= MOST_BYTES:
                    yield file.read().decode("utf-8", errors="replace")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadInput(f"'{path}' cannot be read as an archive: {error}") from error


def _parts(whole: str, least_chars: int = 200_000) -> Iterator[str]:
    """A long text in parts that end with a line, so that no part takes much memory to tokenise."""
    start = 0
    while start < len(whole):
        end = whole.find("\n", start + least_chars)
        end = len(whole) if end < 0 else end
        yield whole[start:end]
        start = end
