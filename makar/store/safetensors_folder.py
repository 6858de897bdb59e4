"""Reads a folder of safetensors weights as model hubs keep them: `config.json`, one file or several with an index."""

from __future__ import annotations

import json
import math
import mmap
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from makar.kit.errors import BadInput, Damaged, NotHere
from makar.kit.files import read_text
from makar.store.gguf_file import Entry

_WIDTH_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_MAX_HEADER_BYTES = 100_000_000
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


def refuse_pickle(path: Path) -> None:
    """Raises: BadInput for names of pickled weights, which can run any code when they are read."""
    if path.suffix.lower() in PICKLED:
        raise BadInput(f"'{path}' holds pickled weights, which run code when they are read; "
                       "Makar reads only GGUF and safetensors")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises: NotHere, Damaged"""
    try:
        found = json.loads(read_text(path, limit_bytes=_MAX_HEADER_BYTES))
        json.dumps(found, ensure_ascii=False).encode()  # escapes can spell half characters, which nothing can store
    except (ValueError, RecursionError) as error:
        raise Damaged(f"'{path}' is not JSON ({error}); fetch it again") from error
    if not isinstance(found, dict):
        raise Damaged(f"'{path}' should be a JSON object")
    return found


class SafetensorsFolder:
    """An open folder: `tensors` by name over all its files, every extent checked against the file's length."""

    def __init__(self, folder: Path) -> None:
        """Raises: NotHere, BadInput, Damaged"""
        self.folder = folder
        self.config = read_json(folder / "config.json")
        self.tensors: dict[str, Entry] = {}
        self._maps: list[mmap.mmap] = []
        self._map_of: dict[str, mmap.mmap] = {}
        try:
            for path, wanted in _weight_files(folder):
                self._add(path, wanted)
        except BaseException:
            self.close()
            raise

    def optional(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder, or an empty object where there is none."""
        path = self.folder / name
        return read_json(path) if path.exists() else {}

    def _add(self, path: Path, wanted: frozenset[str] | None) -> None:
        data = _open_map(path)
        self._maps.append(data)
        entries = _entries(path, data)
        if wanted is not None and (missing := sorted(wanted - entries.keys())):
            raise Damaged(f"'{path}' lacks tensor '{missing[0]}' that the index places there; fetch it again")
        for name, entry in entries.items():
            if name in self.tensors:
                raise Damaged(f"tensor '{name}' is in two files of '{self.folder}'; remove the file that is too many")
            self.tensors[name] = entry
            self._map_of[name] = data

    def rows(self, name: str, index: np.ndarray) -> np.ndarray:
        """The rows `index` of a tensor as float32, (len(index), row length)."""
        entry = self.tensors[name]
        stored = np.frombuffer(self._map_of[name], dtype=np.uint8, count=entry.num_bytes, offset=entry.offset)
        picked = stored.reshape(entry.num_rows, -1)[index]
        del stored  # a view that outlives the call would keep the map open
        if entry.kind == "BF16":
            return (picked.view("<u2").astype(np.uint32) << 16).view(np.float32)
        return picked.view("<f4" if entry.kind == "F32" else "<f2").astype(np.float32)

    def close(self) -> None:
        """Lets go of the files."""
        for data in self._maps:
            data.close()

    def __enter__(self) -> SafetensorsFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def _weight_files(folder: Path) -> list[tuple[Path, frozenset[str] | None]]:
    """The files to read, each with the tensors that the index places in it."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        places = read_json(index).get("weight_map")
        if not isinstance(places, dict) or not places:
            raise Damaged(f"'{index}' has no weight_map; fetch it again")
        by_file: dict[str, set[str]] = {}
        for name, file in places.items():
            if not isinstance(file, str) or Path(file).name != file or not file.endswith(".safetensors"):
                raise BadInput(f"'{index}' names the file {file!r:.100}; expected a .safetensors file beside it")
            by_file.setdefault(file, set()).add(name)
        return [(folder / file, frozenset(names)) for file, names in sorted(by_file.items())]
    single = folder / "model.safetensors"
    found = [single] if single.exists() else sorted(folder.glob("*.safetensors"))
    if not found:
        for path in sorted(folder.iterdir()):
            refuse_pickle(path)
        raise NotHere(f"'{folder}' has no .safetensors file")
    return [(path, None) for path in found]


def _open_map(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise NotHere(f"there is no file '{path}', which the index names; fetch it") from None
    except ValueError:
        raise Damaged(f"'{path}' is empty; fetch it again") from None
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror}") from error


def _entries(path: Path, data: mmap.mmap) -> dict[str, Entry]:
    length = int.from_bytes(data[:8], "little") if len(data) >= 8 else 0
    if not 2 <= length <= min(_MAX_HEADER_BYTES, len(data) - 8):
        raise Damaged(f"'{path}' is cut short or no safetensors file (header of {length:,} bytes in {len(data):,})")
    try:
        header = json.loads(data[8:8 + length])
    except (ValueError, RecursionError) as error:
        raise Damaged(f"'{path}' is damaged: its header is not JSON; fetch it again") from error
    if not isinstance(header, dict):
        raise Damaged(f"'{path}' is damaged: its header is no JSON object")
    return {name: _entry(path, name, info, 8 + length, len(data)) for name, info in header.items()
            if name != "__metadata__"}


def _entry(path: Path, name: str, info: object, start: int, end: int) -> Entry:
    match info:
        case {"dtype": str(kind), "shape": [*shape], "data_offsets": [int(first), int(last)]} if all(
                isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in shape):
            pass
        case _:
            raise Damaged(f"'{path}' is damaged: the entry of tensor '{name[:80]}' cannot be read")
    if kind not in _WIDTH_BYTES:
        raise BadInput(f"'{path}': tensor '{name[:80]}' is stored as {kind}; Makar reads {', '.join(_WIDTH_BYTES)}")
    num_bytes = math.prod(shape) * _WIDTH_BYTES[kind]
    if first < 0 or last - first != num_bytes or start + last > end:
        raise Damaged(f"'{path}' is cut short or damaged: tensor '{name[:80]}' of shape {shape} ends at byte "
                      f"{start + last:,}, the file has {end:,}; fetch it again")
    return Entry(name, kind, tuple(shape), start + first, num_bytes)
