"""Personal data: email addresses, telephone numbers, payment cards, bank accounts, national numbers.

Only what can be told from other text by its form and check digits is looked for: no names, postal or IP addresses.
Exempt: addresses at reserved or placeholder domains (example.com, *.test, yourcompany.com), no-reply and git addresses,
telephone numbers kept for fiction, and numbers whose check digits do not hold.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable

from makar.checks import _numbers, _phones
from makar.checks._domains import is_top_level
from makar.verdict import Check, Span, Subject, Verdict

ADDRESS_CHARS = 128  # longer ones are not in use, and a growing text must not be held back for them
HOLD_BACK_CHARS = 160
LOCAL_CHARS = 64
_NUMBERS = _numbers.by_head((*_numbers.KINDS, *_phones.KINDS))
_LETTER = r"0-9A-Za-z\u00c0-\u052f\u1e00-\u1fff"  # Latin, Greek, Cyrillic: Chinese may stand right before an address
_NOT_LOCAL = re.compile(rf"[^{_LETTER}._%+\-']")
_DOMAIN = re.compile(rf"(?>[{_LETTER}\-]{{1,63}}(?:\.(?=[{_LETTER}])[{_LETTER}\-]{{1,63}}){{1,8}})(?![{_LETTER}@])")
_ENDING = re.compile(r"xn--[a-z0-9\-]{2,59}|[A-Za-z\u00c0-\u052f]{2,24}")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[nrtbfv])")
_PLACEHOLDER = re.compile(
    r"(?:^|\.)(?:examples?|(?:your|my|some|any)[\w\-]*|domain|company|placeholder|acme|foo|bar|test|sample|email)"
    r"\.[a-z.]+$")
_NOBODY = frozenset(("noreply", "no-reply", "no.reply", "donotreply", "do-not-reply", "git"))


def _find_emails(text: str) -> Iterable[Span]:
    at = text.find("@")
    while at >= 0:
        domain = _domain(text, at + 1)
        if domain:
            start, end = _local_start(text, at), at + 1 + len(domain)
            if (0 < at - start <= LOCAL_CHARS and end - start <= ADDRESS_CHARS
                    and _somebodys(text[start:at].lower(), domain.lower())):
                yield Span(start, end, "email")
        at = text.find("@", at + 1)


def _domain(text: str, start: int) -> str:
    """The domain that begins here; a sentence glued to its dot (gmail.com.Then) is no part of it. Empty if none."""
    match = _DOMAIN.match(text, start)
    domain = match[0] if match else ""
    if domain and not is_top_level(domain.rpartition(".")[2].lower()) and domain.rpartition(".")[2][0].isupper():
        domain = domain.rpartition(".")[0]
    ending = domain.rpartition(".")[2]
    known = "." in domain and _ENDING.fullmatch(ending) and is_top_level(ending.lower())
    return domain if known and (ending.islower() or ending.isupper()) and not domain.startswith("-") else ""


def _local_start(text: str, at: int) -> int:
    """Where the part before the @ begins: after what cannot be in it, quotes, list marks, escapes of source text."""
    low = max(0, at - LOCAL_CHARS - 8)
    before = text[low:at]
    for outside in _NOT_LOCAL.finditer(before):
        low = outside.end() + at - len(before)
    escape = _ESCAPE.match(text, low - 1) if low and text[low - 1] == "\\" else None
    if escape and escape.end() < at:
        low = escape.end()
    while low < at and text[low] in "'.-%+":
        low += 1
    return low


def _somebodys(local: str, domain: str) -> bool:
    numeric = sum(label.isdigit() for label in domain.split(".")[:-1])  # 163.com is a domain, 18.2.1.dev a version
    return numeric < 2 and local not in _NOBODY and not local.startswith("your") and not _PLACEHOLDER.search(domain)


def _apart(spans: Iterable[Span]) -> tuple[Span, ...]:
    """In order and apart. Where readings overlap, one with check digits or an address goes before a telephone."""
    ordered = sorted(spans, key=lambda span: (span.start, -span.end))
    sure = _without_overlaps(span for span in ordered if span.label != "phone number")
    starts = [span.start for span in sure]

    def free(span: Span) -> bool:
        after = bisect.bisect_left(starts, span.end)
        return after == 0 or sure[after - 1].end <= span.start

    phones = _without_overlaps(span for span in ordered if span.label == "phone number" and free(span))
    return tuple(sorted([*sure, *phones], key=lambda span: span.start))


def _without_overlaps(spans: Iterable[Span]) -> list[Span]:
    chosen: list[Span] = []
    for span in spans:
        if not chosen or chosen[-1].end <= span.start:
            chosen.append(span)
    return chosen


def _run(subject: Subject) -> Verdict:
    text = subject.content
    found = [*_find_emails(text)]
    if any(character.isdigit() for character in text):
        found += [*_numbers.find_numbers(text, _NUMBERS), *_phones.find_phones(text)]
    spans = _apart(found)
    if not spans:
        return Verdict("personal_data", True, 1.0, "no personal data found")
    counts = {label: sum(span.label == label for span in spans) for label in sorted({span.label for span in spans})}
    reason = "found " + ", ".join(f"{count} x {label}" for label, count in counts.items())
    return Verdict("personal_data", False, 0.0, reason, spans)


CHECK = Check("personal_data", _run, ("text/", "application/"), streaming=True, hold_back_chars=HOLD_BACK_CHARS,
              excuses_given=True, limit_s=20.0)
