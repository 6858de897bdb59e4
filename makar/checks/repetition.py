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
CODE_FACTOR = 4
GRAM_TOK, STRETCH_TOK, STALE_FRAC = 6, 400, 0.93
_TOKEN = re.compile(rf"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w{{1,{TOKEN_CHARS}}}"
                    rf"|(?P<sign>[^\w\s])(?P=sign){{0,{TOKEN_CHARS - 1}}}")
_ENUMERATOR = re.compile(r"(?:^|\n)[ \t]*(?:[0-9]{1,4}[.):]|[-*+•])[ \t]")
_RUN = re.compile(rf"(?P<letter>\w)(?P=letter){{{LETTER_RUN},}}|(?P<other>[^\w])(?P=other){{{SIGN_RUN},}}"
                  rf"|(?P<unit>\w{{2,8}}?)(?P=unit){{{SHORT_UNITS},}}")
_CODE = ("text/x-", "text/html", "text/css", "text/csv", "text/xml", "text/markdown-code", "application/")


@dataclass(frozen=True)
class _Word:
    start: int
    end: int
    text: str
    in_code: bool


def _words(text: str, *, code: bool) -> list[_Word]:
    """Words and signs in order, numbers at the head of a list's lines left out."""
    skipped = {match.end() - 2 - back for match in _ENUMERATOR.finditer(text) for back in range(6)}
    words: list[_Word] = []
    fenced = False
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "```":
            fenced = not fenced
        if match.start() not in skipped or not (token.isdigit() or not token.isalnum()):
            words.append(_Word(match.start(), match.end(), token.lower(), code or fenced))
    return words


def _excess(words: list[_Word]) -> Iterator[tuple[int, int, str]]:
    """(start, end, what) of every run of one unit beyond the times it may come in a row."""
    texts = [word.text for word in words]
    last: dict[tuple[str, str, str], int] = {}
    period = first = 0  # words[first:] repeats with this period
    open_at = -1
    for index, gram in enumerate(zip(texts, texts[1:], texts[2:], strict=False), 2):
        if period and texts[index] != texts[index - period]:
            if open_at >= 0:
                yield words[open_at].start, words[index - 1].end, _named(words, index, period)
            period, open_at = 0, -1
        before = last.get(gram)
        last[gram] = index
        if not period and before is not None and index - before <= MAX_UNIT_TOK:
            period = index - before
            first = _first(words, index, period)
        if period and open_at < 0 and index - first + 1 > period * _allowed(words, index, period):
            open_at = index
    if open_at >= 0:
        yield words[open_at].start, words[-1].end, _named(words, len(words), period)


def _first(words: list[_Word], index: int, period: int) -> int:
    """Where the run that ends at `index` began."""
    low = max(period, index - period)  # a longer one would have been seen before
    while index > low and words[index].text == words[index - period].text:
        index -= 1
    return index - period + (words[index].text != words[index - period].text)


def _allowed(words: list[_Word], index: int, period: int) -> int:
    times = next((times for most, times in ALLOWED_TIMES if period <= most), LONGEST_ALLOWED_TIMES)
    unit = words[index - period + 1:index + 1] if period <= 8 else ()
    # Digits and signs alone make tables and matrices; give them room.
    plain = 6 if unit and not any(character.isalpha() for word in unit for character in word.text) else 1
    markup = any(word.text in ("<", "</", ">", "/>") for word in unit)
    return times * plain * (CODE_FACTOR if markup or words[index].in_code else 1)


def _named(words: list[_Word], end: int, period: int) -> str:
    unit = " ".join(word.text for word in words[max(0, end - period):end])
    return f"repeats '{unit[:40]}{'...' if len(unit) > 40 else ''}'"


def _stale(words: list[_Word]) -> Iterator[tuple[int, int, str]]:
    """(start, end, what) of stretches in which almost every run of GRAM_TOK words had been said within the stretch."""
    if len(words) <= STRETCH_TOK:
        return
    last: dict[tuple[str, ...], int] = {}
    seen = [False] * len(words)
    count, open_at = 0, -1
    for index in range(GRAM_TOK - 1, len(words)):
        gram = tuple(word.text for word in words[index - GRAM_TOK + 1:index + 1])
        seen[index] = index - last.get(gram, -STRETCH_TOK) < STRETCH_TOK
        last[gram] = index
        count += seen[index] - (seen[index - STRETCH_TOK] if index >= STRETCH_TOK else 0)
        stale = index >= STRETCH_TOK and count > STRETCH_TOK * STALE_FRAC and not words[index].in_code
        if stale and open_at < 0:
            open_at = index
        elif not stale and open_at >= 0:
            yield words[open_at].start, words[index - 1].end, "says hardly anything new"
            open_at = -1
    if open_at >= 0:
        yield words[open_at].start, words[-1].end, "says hardly anything new"


def _runs(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _RUN.finditer(text):
        unit = match["letter"] or match["other"] or match["unit"]
        times = LETTER_RUN if match["letter"] else SIGN_RUN if match["other"] else SHORT_UNITS
        yield match.start() + len(unit) * times, match.end(), f"repeats {unit!r}"


def _run(subject: Subject) -> Verdict:
    text = subject.content
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
