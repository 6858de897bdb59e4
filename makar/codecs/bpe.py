"""Text and token ids: a tokenizer read from the model's folder, exact to the byte."""

from __future__ import annotations

import codecs
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers

from makar.kit.errors import BadInput, Damaged, NotHere

_SPACE = "▁"


def _byte_spelling() -> dict[int, str]:
    """From the characters that stand for bytes in a byte-level vocabulary to those bytes, as Latin-1 characters.

    Characters that stand for no byte become one that Latin-1 has not. Source: GPT-2 encoder, `bytes_to_unicode`.
    """
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    stand_ins = {256 + rank: chr(byte) for rank, byte in enumerate(others)}
    return dict.fromkeys(others, "\uffff") | stand_ins


_SPELLING = _byte_spelling()


class Tokenizer:
    """A byte-level or byte-fallback BPE tokenizer. `special_ids` are the control tokens that text cannot spell."""

    def __init__(self, source: str) -> None:
        """From the text of a `tokenizer.json`. Raises: Damaged"""
        try:
            description: dict[str, Any] = json.loads(source)
            self._plain = tokenizers.Tokenizer.from_str(source)
            added: list[Mapping[str, Any]] = description["added_tokens"]
            self.special_ids: frozenset[int] = frozenset(token["id"] for token in added if token["special"])
            self._names: dict[str, int] = {token["content"]: token["id"] for token in added if token["special"]}
            self._bytes = _bytes_by_id(description)
            self._strip_space = any(step["type"] == "Strip" for step in _steps(description.get("decoder")))
        except Exception as error:  # bare, the library's for whatever it cannot read; it also reads what we cannot
            raise Damaged(f"the tokenizer cannot be read ({error!s:.120}); convert the model again") from error
        self._plain.encode_special_tokens = True
        self._source, self._lock = source, threading.Lock()
        self._special: tokenizers.Tokenizer | None = None

    @classmethod
    def open(cls, folder: Path) -> Tokenizer:
        """The tokenizer of a model folder. Raises: NotHere, Damaged"""
        path = folder / "tokenizer.json"
        try:
            return cls(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotHere(f"there is no file '{path}'; convert the model again") from None
        except (OSError, UnicodeDecodeError) as error:
            raise Damaged(f"cannot read '{path}': {error}") from error

    @property
    def vocab_size(self) -> int:
        """One more than the largest token id; the model's output may be wider."""
        return len(self._bytes)

    @property
    def source(self) -> str:
        """The text of the `tokenizer.json` it was read from."""
        return self._source

    def id_of(self, name: str) -> int | None:
        """The id of the control token spelled `name`, such as `<|im_end|>`."""
        return self._names.get(name)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Token ids of `text`. Control tokens spelled in it count as text, unless `special`.

        Raises: BadInput (a lone surrogate)
        """
        engine = self._with_special() if special else self._plain
        try:
            ids: list[int] = engine.encode(text, add_special_tokens=False).ids
        except TypeError:  # what the library says of a string it cannot encode
            _refuse_surrogates(text)
            raise
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of all `ids`, control tokens spelled out; bytes that are no UTF-8 become U+FFFD."""
        text = b"".join(map(self.bytes_of, ids)).decode("utf-8", errors="replace")
        return text[1:] if self._strip_space and text.startswith(" ") else text

    def bytes_of(self, id: int) -> bytes:
        """The bytes that one token stands for; its name for a control token, nothing for an id that no token has."""
        return self._bytes[id] if 0 <= id < len(self._bytes) else b""

    def _with_special(self) -> tokenizers.Tokenizer:
        """The engine that reads control tokens; made at first use, as it doubles the memory."""
        with self._lock:
            if self._special is None:
                self._special = tokenizers.Tokenizer.from_str(self._source)
        return self._special


class Incremental:
    """Token ids to text, one at a time, never splitting a character. Control tokens have no text here."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, id: int) -> str:
        """What may be shown now that `id` is known; an incomplete character waits."""
        if id in self._tokenizer.special_ids:
            return ""
        return self._decoder.decode(self._tokenizer.bytes_of(id))

    def flush(self) -> str:
        """What was still waiting, as U+FFFD; ready for a new text afterwards."""
        left = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return left


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"the text is not Unicode: a lone surrogate (U+{ord(text[error.start]):04X}) at character "
                       f"{error.start:,}; decode its bytes as UTF-8 with errors='replace' first") from None


def _steps(decoder: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if decoder is None:
        return []
    if decoder["type"] != "Sequence":
        return [decoder]
    return [step for part in decoder["decoders"] for step in _steps(part)]


def _bytes_by_id(description: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The bytes of every token; ids that no token has are empty."""
    vocab: dict[str, int] = description["model"]["vocab"]
    spell = _byte_level if any(step["type"] == "ByteLevel" for step in _steps(description.get("decoder"))) else _piece
    found = {id: spell(token) for token, id in vocab.items()}
    found |= {token["id"]: token["content"].encode() for token in description["added_tokens"]}
    return tuple(found.get(id, b"") for id in range(max(found) + 1))


def _byte_level(token: str) -> bytes:
    try:
        return token.translate(_SPELLING).encode("latin-1")
    except UnicodeEncodeError:  # not every entry is spelled in bytes, such as padding names
        return token.encode()


def _piece(token: str) -> bytes:
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return bytes([int(token[3:5], 16)])
    return token.replace(_SPACE, " ").encode()
