"""The tokenizers whose texts carry marks. They are kept beside the keys, so a mark is found without any model."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from makar.codecs.bpe import Tokenizer
from makar.kit.errors import Damaged
from makar.kit.files import atomic_write, sha256_bytes
from makar.kit.lock import held
from makar.marks.key import OWNER_ONLY, key_folder, wait_quietly


@dataclass(frozen=True)
class Known:
    """A tokenizer and the checkpoints that speak it."""

    checkpoints: tuple[str, ...]
    tokenizer: Tokenizer


def remember(key_id: str, checkpoint: str, tokenizer: Tokenizer) -> None:
    """Notes that texts of this checkpoint may carry the key's mark, and keeps its tokenizer.

    Raises: BadInput, OutOfRoom
    """
    _remember(key_folder(), key_id, checkpoint, tokenizer)


def remembered(key_ids: Iterable[str]) -> list[Known]:
    """The tokenizers that were used with any of the keys, each once.

    Raises: Damaged
    """
    folder, speakers = key_folder(), dict[str, set[str]]()
    for key_id in key_ids:
        for sha256, names in _noted(folder, key_id).items():
            speakers.setdefault(sha256, set()).update(names)
    return [Known(tuple(sorted(names)), _open(_kept(folder, sha256))) for sha256, names in sorted(speakers.items())]


@functools.lru_cache(maxsize=8)  # the files are written once in a process, not once a text
def _remember(folder: Path, key_id: str, checkpoint: str, tokenizer: Tokenizer) -> None:
    source = tokenizer.source.encode()
    sha256 = sha256_bytes(source)
    if not _kept(folder, sha256).exists():
        atomic_write(_kept(folder, sha256), gzip.compress(source, 6, mtime=0))
    with held(folder / ".lock", wait_quietly):
        noted = _noted(folder, key_id)
        if checkpoint not in (names := noted.setdefault(sha256, [])):
            names.append(checkpoint)
            body = json.dumps(noted, indent=0, sort_keys=True)
            atomic_write(folder / f"{key_id}.tokenizers", body + "\n", mode=OWNER_ONLY)


def _noted(folder: Path, key_id: str) -> dict[str, list[str]]:
    path = folder / f"{key_id}.tokenizers"
    try:
        return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}
    except ValueError:
        raise Damaged(f"'{path}' cannot be read; remove it: it fills again as works are made") from None


def _kept(folder: Path, sha256: str) -> Path:
    return folder / "tokenizers" / f"{sha256[:32]}.json.gz"


@functools.lru_cache(maxsize=4)
def _open(path: Path) -> Tokenizer:
    try:
        return Tokenizer(gzip.decompress(path.read_bytes()).decode())
    except (OSError, EOFError, ValueError) as error:
        raise Damaged(f"the tokenizer '{path}' cannot be read ({type(error).__name__}); make a work with the same "
                      "model and it is kept again") from None
