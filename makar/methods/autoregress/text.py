"""From tokens to the text that may leave: whole characters only, and nothing of a stop string."""

from __future__ import annotations

from collections.abc import Sequence

from makar.codecs.bpe import Incremental, Tokenizer


class TextAssembler:
    """Joins the tokens of one sequence into text and ends it before the stop string that is complete first.

    What leaves does not depend on where the token borders are. Of two stop strings completed by the same character the
    longer counts. Held back are only an incomplete character and the longest ending that could become a stop string.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = ()) -> None:
        self._decoder = Incremental(tokenizer)
        self._stop = tuple(stop)
        self._held = ""
        self.stopped = False

    def push(self, token_id: int) -> str:
        """The text that may leave after this token, perhaps none."""
        if self.stopped:
            return ""
        return self._add(self._decoder.push(token_id))

    def flush(self) -> str:
        """The text still held when the sequence ends; an incomplete character becomes a replacement character."""
        if self.stopped:
            return ""
        left = self._add(self._decoder.flush()) + self._held
        self._held = ""
        return left

    def _add(self, text: str) -> str:
        self._held += text
        cut = first_stop(self._held, self._stop)
        if cut is not None:
            self.stopped = True
        else:
            cut = len(self._held) - could_begin(self._held, self._stop)
        left, self._held = self._held[:cut], "" if self.stopped else self._held[cut:]
        return left


def first_stop(text: str, stop: Sequence[str]) -> int | None:
    """Where the stop string that is complete first begins in `text`, or None."""
    found = [(start + len(word), start) for word in stop if (start := text.find(word)) >= 0]
    return min(found)[1] if found else None


def could_begin(text: str, stop: Sequence[str]) -> int:
    """The length of the longest ending of `text` that begins a stop string."""
    longest = min(len(text), max((len(word) - 1 for word in stop), default=0))
    for length in range(longest, 0, -1):
        ending = text[-length:]
        if any(word.startswith(ending) for word in stop):
            return length
    return 0
