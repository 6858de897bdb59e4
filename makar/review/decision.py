"""Verdicts and a policy become a decision; a masked text is made here too."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from makar.review.policy import ACTIONS, Policy
from makar.verdict import Span, Verdict

_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_JSON_NUMBER = frozenset("+-.0123456789eE")


@dataclass(frozen=True)
class Decision:
    """What happens to a work, who said so, and why. `by` is `policy:NAME` or a person."""

    action: str
    by: str
    why: str
    reasons: tuple[str, ...] = ()


def decide(policy: Policy, verdicts: Iterable[Verdict]) -> Decision:
    """The hardest action any failed check asks for; every failed check is among the reasons."""
    failed = [verdict for verdict in verdicts if not verdict.passed]
    actions = [consequence(policy, verdict) for verdict in failed]
    action = max(actions, key=ACTIONS.index, default="release")
    reasons = tuple(f"{verdict.check}: {verdict.reason} ({action})"
                    for verdict, action in zip(failed, actions, strict=True))
    named = ", ".join(sorted({verdict.check for verdict, own in zip(failed, actions, strict=True) if own == action}))
    why = f"policy '{policy.name}' says {action} for {named}" if failed else "every check passed"
    return Decision(action, f"policy:{policy.name}", why, reasons)


def consequence(policy: Policy, verdict: Verdict) -> str:
    """What the policy asks for on this failed verdict. Where it would mask but no place is known, a person decides."""
    action = policy.action(verdict.check)
    return "hold" if action == "mask" and not verdict.spans else action


def mask(content: str, verdicts: Iterable[Verdict], policy: Policy, *, media_type: str = "text/plain") -> str:
    """The content with every span that the policy masks replaced by its label; JSON stays JSON."""
    return mask_part(content, (0, len(content)), masked_spans(verdicts, policy), policy, media_type)


def masked_spans(verdicts: Iterable[Verdict], policy: Policy) -> list[Span]:
    """The places to mask, in order and apart: overlapping findings become one, under the first one's label."""
    found = sorted((span for verdict in verdicts if not verdict.passed and consequence(policy, verdict) == "mask"
                    for span in verdict.spans if span.end > span.start),
                   key=lambda span: (span.start, -span.end, span.label))
    merged: list[Span] = []
    for span in found:
        if merged and span.start < merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end), merged[-1].label)
        else:
            merged.append(span)
    return merged


def mask_part(content: str, part: tuple[int, int], spans: Sequence[Span], policy: Policy, media_type: str) -> str:
    """Characters [part) of the masked content; no span of `spans` (in order, apart) may cross its borders."""
    strings = _json_strings(content) if is_json(media_type) and spans else None
    pieces, at = [], part[0]
    for span in spans:
        if part[0] <= span.start and span.end <= part[1]:
            start, end, words = span.start, span.end, policy.mask.format(label=span.label)
            if strings is not None and _inside(strings, start):
                start, end = _whole_escape(content, start), _whole_escape(content, end)
            elif strings is not None:
                start, end, words = *_whole_number(content, start, end), f'"{words}"'
            pieces += [content[at:max(at, start)], words]
            at = end
    return "".join([*pieces, content[at:part[1]]])


def is_json(media_type: str) -> bool:
    """Whether content of this type must stay one JSON document."""
    return media_type.split(";")[0].strip().endswith(("/json", "+json"))


def _json_strings(content: str) -> list[tuple[int, int]]:
    return [match.span() for match in _JSON_STRING.finditer(content)]


def _inside(strings: list[tuple[int, int]], at: int) -> bool:
    index = bisect.bisect_right(strings, (at, len(strings) and strings[-1][1] + 1)) - 1
    return index >= 0 and strings[index][0] < at < strings[index][1]


def _whole_number(content: str, start: int, end: int) -> tuple[int, int]:
    """A number is one token: its sign, fraction and exponent go with the digits that were found."""
    while start > 0 and content[start - 1] in _JSON_NUMBER:
        start -= 1
    while end < len(content) and content[end] in _JSON_NUMBER:
        end += 1
    return start, end


def _whole_escape(content: str, at: int) -> int:
    """`at`, or the end of the JSON escape (a backslash and what belongs to it) that `at` would cut in two."""
    for back in range(1, 6):
        slash = at - back
        if slash >= 0 and content[slash] == "\\":
            first = slash
            while first > 0 and content[first - 1] == "\\":
                first -= 1
            if (slash - first) % 2 == 0:  # not itself escaped
                return max(at, slash + (6 if content[slash + 1:slash + 2] == "u" else 2))
            return at
    return at
