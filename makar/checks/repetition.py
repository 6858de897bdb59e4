"""Degenerate repetition: a model caught in a loop.

Three signs: one unit (a character, a phrase, a paragraph) again and again without a break; and a long stretch in which
nearly every run of six words was just said. What is flagged begins where repeating has gone too far, not where it
began, so refrains, chants, tables and lists stay clear, and a growing text is judged as the whole would be.
Exempt: rules and borders of punctuation; markup and code (fenced or by media type) may repeat four times as much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from makar.verdict import Check, Span, Subject, Verdict

TOKEN_CHARS = 32  # longer words are cut, which keeps what is held back short
HOLD_BACK_CHARS = 2 * TOKEN_CHARS
LETTER_RUN, SIGN_RUN = 80, 600  # one character over and over: of words, of anything else
SHORT_UNITS = 40  # `hahaha`: units of 2 to 8 characters within a word
# (unit is at most this many words, times it may come in a row)
ALLOWED_TIMES = ((1, 30), (3, 16), (8, 9), (25, 6), (100, 4))
LONGEST_ALLOWED_TIMES = 3
MAX_UNIT_TOK = 1200
CODE_FACTOR, PLAIN_FACTOR = 4, 6
GRAM_TOK, STRETCH_TOK, STALE_FRAC = 6, 400, 0.93
_TOKEN = re.compile(rf"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w{{1,{TOKEN_CHARS}}}"
                    rf"|(?P<sign>[^\w\s])(?P=sign){{0,{TOKEN_CHARS - 1}}}")
_ENUMERATOR = re.compile(r"(?:^|\n)[ \t]*(?:[0-9]{1,4}[.):]|[-*+•])[ \t]")
_RUN = re.compile(rf"(?P<letter>\w)(?P=letter){{{LETTER_RUN},}}|(?P<other>[^\w])(?P=other){{{SIGN_RUN},}}"
                  rf"|(?P<unit>\w{{2,8}}?)(?P=unit){{{SHORT_UNITS},}}")
_CODE = ("text/x-", "text/html", "text/css", "text/csv", "text/xml", "text/markdown-code", "application/")


@dataclass(frozen=True)
class _Words:
    """Words and signs in order, column by column (a text may have a million)."""

    texts: list[str]
    starts: list[int]
    ends: list[int]
    in_code: list[bool]


def _words(text: str, *, code: bool) -> _Words:
    """The words of a text, numbers and marks at the head of a list's lines left out."""
    skipped = {match.end() - 2 - back for match in _ENUMERATOR.finditer(text) for back in range(6)}
    texts, starts, ends, in_code = [], [], [], []
    fenced = False
    for match in _TOKEN.finditer(text):
        token, start = match[0].lower(), match.start()
        if token == "```":
            fenced = not fenced
        if start not in skipped or (token.isalnum() and not token.isdigit()):
            texts.append(token)
            starts.append(start)
            ends.append(match.end())
            in_code.append(code or fenced)
    return _Words(texts, starts, ends, in_code)


def _excess(words: _Words) -> Iterator[tuple[int, int, str]]:
    """(start, end, what) of every run of one unit beyond the times it may come in a row."""
    texts = words.texts
    last: dict[tuple[str, str, str], int] = {}
    period = first = 0  # texts[first:] repeats with this period
    open_at = -1
    for index, gram in enumerate(zip(texts, texts[1:], texts[2:], strict=False), 2):
        if period and texts[index] != texts[index - period]:
            if open_at >= 0:
                yield words.starts[open_at], words.ends[index - 1], _named(texts, index, period)
            period, open_at = 0, -1
        before = last.get(gram)
        last[gram] = index
        if not period and before is not None and index - before <= MAX_UNIT_TOK:
            period = index - before
            first = _first(texts, index, period)
        if period and open_at < 0 and _too_often(words, first, index, period):
            open_at = index
    if open_at >= 0:
        yield words.starts[open_at], words.ends[-1], _named(texts, len(texts), period)


def _first(texts: list[str], index: int, period: int) -> int:
    """Where the run that ends at `index` began."""
    low = max(period, index - period)  # a longer one would have been seen before
    while index > low and texts[index] == texts[index - period]:
        index -= 1
    return index - period + (texts[index] != texts[index - period])


def _too_often(words: _Words, first: int, index: int, period: int) -> bool:
    """Whether the run of units from `first` to `index` has gone on too long."""
    times = next((times for most, times in ALLOWED_TIMES if period <= most), LONGEST_ALLOWED_TIMES)
    num_tok = index - first + 1
    if num_tok <= period * times:
        return False
    unit = words.texts[index - period + 1:index + 1]
    # Digits and signs alone make tables and matrices; give them room.
    plain = PLAIN_FACTOR if period <= 8 and not any(sign.isalpha() for word in unit for sign in word) else 1
    code = CODE_FACTOR if words.in_code[index] or {"<", ">"} <= set(unit) else 1
    return num_tok > period * times * plain * code


def _named(texts: list[str], end: int, period: int) -> str:
    unit = " ".join(texts[max(0, end - period):end])
    return f"repeats '{unit[:40]}{'...' if len(unit) > 40 else ''}'"


def _stale(words: _Words) -> Iterator[tuple[int, int, str]]:
    """(start, end, what) of stretches in which almost every run of GRAM_TOK words had been said within the stretch."""
    texts = words.texts
    if len(texts) <= STRETCH_TOK:
        return
    last: dict[tuple[str, ...], int] = {}
    seen = [False] * len(texts)
    count, open_at = 0, -1
    for index, gram in enumerate(zip(*(texts[shift:] for shift in range(GRAM_TOK)), strict=False), GRAM_TOK - 1):
        seen[index] = index - last.get(gram, -STRETCH_TOK) < STRETCH_TOK
        last[gram] = index
        count += seen[index] - (index >= STRETCH_TOK and seen[index - STRETCH_TOK])
        stale = index >= STRETCH_TOK and count > STRETCH_TOK * STALE_FRAC and not words.in_code[index]
        if stale and open_at < 0:
            open_at = index
        elif not stale and open_at >= 0:
            yield words.starts[open_at], words.ends[index - 1], "says hardly anything new"
            open_at = -1
    if open_at >= 0:
        yield words.starts[open_at], words.ends[-1], "says hardly anything new"


def _runs(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _RUN.finditer(text):
        unit = match["letter"] or match["other"] or match["unit"]
        times = LETTER_RUN if match["letter"] else SIGN_RUN if match["other"] else SHORT_UNITS
        yield match.start() + len(unit) * times, match.end(), f"repeats {unit!r}"


def _run(subject: Subject) -> Verdict:
    text = subject.text
    words = _words(text, code=subject.media_type.startswith(_CODE))
    found = sorted([*_runs(text), *_excess(words), *_stale(words)])
    if not found:
        return Verdict("repetition", True, 1.0, "no degenerate repetition")
    spans: list[Span] = []
    for start, end, _ in found:
        if spans and start <= spans[-1].end:
            spans[-1] = Span(spans[-1].start, max(end, spans[-1].end), "repetition")
        else:
            spans.append(Span(start, end, "repetition"))
    share = sum(span.end - span.start for span in spans) / len(text)
    return Verdict("repetition", False, max(0.0, 1.0 - share), f"{found[0][2]}, {share:.0%} of the text", tuple(spans))


CHECK = Check("repetition", _run, ("text/",), streaming=True, hold_back_chars=HOLD_BACK_CHARS, limit_s=20.0)
