"""Text as the index holds it: any white space is one space, curly quotes are straight; and where its tokens begin.

A token is a word (letters, digits, marks and `_`, cut after 32 characters) or one character of a script that writes
without spaces. Signs between tokens are compared but not counted.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOKEN_CHARS = 32
SEPARATOR = 0  # stands between documents; folded text never holds it
PIECE_CHARS = 1 << 16
_CUT = re.compile(r"(?<=[!-~])[ \n]")
_OTHER, _WORD, _ALONE = 0, 1, 2
_TOP = 0x20000  # from here on there are only ideographs and signs
_STRAIGHT = {0x2018: 0x27, 0x2019: 0x27, 0x201A: 0x27, 0x201B: 0x27, 0x201C: 0x22, 0x201D: 0x22, 0x201E: 0x22,
             0x201F: 0x22, 0x2010: 0x2D, 0x2011: 0x2D}
_UNSPACED = ((0x0E00, 0x0EFF), (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF),
             (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF))

Offsets = NDArray[np.int64]
Points = NDArray[np.uint8] | NDArray[np.uint32]
Table = tuple[Points, NDArray[np.uint8]]


@dataclass(frozen=True)
class Folded:
    """Folded text and its tokens.

    data: UTF-8
    starts, ends: of the tokens, in bytes of `data`
    kept: for each character of the folded text its index in the source, and `at` its first byte in `data`
    """

    data: bytes
    starts: Offsets
    ends: Offsets
    kept: Offsets
    at: Offsets

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, first: int, last: int) -> bytes:
        """Tokens [first, last) with what stands between them."""
        return self.data[self.starts[first]:self.ends[last - 1]]

    def is_open(self, last: int) -> bool:
        """Whether the token before `last` would be another one if letters followed it."""
        token = self.part(last - 1, last).decode(errors="replace")
        return len(token) < TOKEN_CHARS and is_word(token[-1])

    def chars(self, first: int, last: int) -> tuple[int, int]:
        """Where tokens [first, last) stand in the source, in characters."""
        begin = np.searchsorted(self.at, self.starts[first], "right") - 1
        end = np.searchsorted(self.at, self.ends[last - 1], "left") - 1
        return int(self.kept[begin]), int(self.kept[end]) + 1


def is_word(character: str) -> bool:
    """Whether it belongs to a word, so that a word before it goes on."""
    return bool(_table()[1][min(ord(character), _TOP)] == _WORD)


def fold(text: str) -> Folded:
    """The text folded, with its tokens."""
    points, table = _points(text.replace("\0", " "))
    folded, kept = _collapse(points, table)
    data, at = _utf8(folded)
    starts, ends = _tokens(folded, table)
    edges = np.append(at, len(data))
    return Folded(data, edges[starts], edges[ends], kept, at)


def join(texts: Iterable[str]) -> tuple[bytes, Offsets, Offsets, Offsets]:
    """Documents folded as one, each ended by the separator.

    Returns: the bytes; where tokens begin in them; where each document begins; and the jumps, rows of (byte in the
    result, byte in the joined documents as UTF-8) at which the distance between the two changes.
    """
    data, tokens, begins, jumps = [], [], [], []
    num_bytes = num_source = 0
    for text in texts:
        begins.append(num_bytes)
        for piece in _pieces(f"{text.replace(chr(SEPARATOR), ' ')}\0"):
            points, table = _points(piece)
            folded, kept = _collapse(points, table)
            encoded, at = _utf8(folded)
            source, size = (kept, len(piece)) if points.dtype == np.uint8 else _source_bytes(points, kept)
            jumps.append(_jumps(at + num_bytes, source + num_source))
            tokens.append(at[_tokens(folded, table)[0]] + num_bytes)
            data.append(encoded)
            num_bytes += len(encoded)
            num_source += size
    whole = np.concatenate(tokens) if tokens else np.empty(0, np.int64)
    return b"".join(data), whole, np.array(begins, np.int64), np.concatenate([np.empty((0, 2), np.int64), *jumps])


def _pieces(text: str) -> Iterator[str]:
    """The text in parts that fit the processor's cache, cut before a space, so that no token is cut."""
    at = 0
    while at < len(text):
        cut = _CUT.search(text, at + PIECE_CHARS)
        end = cut.start() if cut else len(text)
        yield text[at:end]
        at = end


def _source_bytes(points: Points, kept: Offsets) -> tuple[Offsets, int]:
    sizes = _sizes(points)
    ends = np.cumsum(sizes, dtype=np.int64)
    return (ends - sizes)[kept], int(ends[-1])


def _jumps(at: Offsets, source: Offsets) -> Offsets:
    """The first character, and every one whose distance to its source is not that of the one before."""
    shift = source - at
    changed = np.append(0, np.flatnonzero(shift[1:] != shift[:-1]) + 1)
    return np.stack([at[changed], source[changed]], axis=1)


def _points(text: str) -> tuple[Points, Table]:
    if text.isascii():
        return np.frombuffer(text.encode(), np.uint8), _ascii_table()
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32), _table()


@functools.cache
def _ascii_table() -> Table:
    plain, classes = _table()
    return plain[:256].astype(np.uint8), classes[:256]


@functools.cache
def _table() -> Table:
    """What each character becomes, and its class; the last entry stands for all above."""
    plain, classes = np.arange(_TOP + 1, dtype=np.uint32), np.zeros(_TOP + 1, np.uint8)
    for point in range(_TOP):
        kind = unicodedata.category(chr(point))
        if kind[0] in "LNM" or point == 0x5F:
            classes[point] = _WORD
        elif kind == "Cs":
            plain[point] = 0xFFFD
        elif kind[0] == "Z" or kind in ("Cc", "Cf"):
            plain[point] = 0x20
    for low, high in _UNSPACED:
        classes[low:high + 1] = np.where(classes[low:high + 1] == _WORD, _ALONE, classes[low:high + 1])
    classes[_TOP] = _ALONE
    plain[list(_STRAIGHT)] = list(_STRAIGHT.values())
    plain[SEPARATOR] = SEPARATOR
    return plain, classes


def _collapse(points: Points, table: Table) -> tuple[
        Points, Offsets]:
    folded = points if not len(points) else _mapped(points, table[0])
    space = folded == 0x20
    keep = np.ones(len(folded), bool)
    keep[1:] = ~(space[1:] & space[:-1])
    return folded[keep], np.flatnonzero(keep)


def _mapped(points: Points, plain: Points) -> Points:
    if points.dtype == np.uint8:
        return _looked_up(points, plain)
    if points.max() < _TOP:
        return plain[points]
    return np.where(points < _TOP, plain[np.minimum(points, _TOP)], points)


def _looked_up(points: Points, table: Points) -> NDArray[np.uint8]:
    """Each byte by the table; both are bytes."""
    return np.frombuffer(points.tobytes().translate(table.tobytes()), np.uint8)


def _utf8(folded: Points) -> tuple[bytes, Offsets]:
    if folded.dtype == np.uint8:
        return folded.tobytes(), np.arange(len(folded), dtype=np.int64)
    sizes = _sizes(folded)
    return folded.tobytes().decode("utf-32-le").encode(), np.cumsum(sizes, dtype=np.int64) - sizes


def _sizes(points: Points) -> NDArray[np.uint8]:
    """How many bytes each character takes in UTF-8."""
    return np.uint8(1) + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000)


def _tokens(folded: Points, table: Table) -> tuple[
        Offsets, Offsets]:
    """First and one past last index of every token among the characters."""
    classes = _looked_up(folded, table[1]) if folded.dtype == np.uint8 else table[1][np.minimum(folded, _TOP)]
    word = np.zeros(len(folded) + 2, bool)
    word[1:-1] = classes == _WORD
    edges = np.flatnonzero(word[1:] != word[:-1])
    starts, ends = edges[::2], edges[1::2]
    long = np.flatnonzero(ends - starts > TOKEN_CHARS)
    alone = np.flatnonzero(classes == _ALONE)
    if not len(long) and not len(alone):
        return starts, ends
    cuts = [np.arange(starts[run] + TOKEN_CHARS, ends[run], TOKEN_CHARS) for run in long]
    cut = np.concatenate([*cuts, np.empty(0, np.int64)])
    return np.sort(np.concatenate([starts, cut, alone])), np.sort(np.concatenate([ends, cut, alone + 1]))
