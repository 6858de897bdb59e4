"""Text passes here window by window; no character leaves before every check that can forbid it has seen it.

Windows end at fixed characters of the whole text, so how the text arrives (token by token, at once) changes nothing of
what leaves. After each window the streaming checks read all there is; what lies further from the end than the longest
hold-back is settled and may leave, masked where the policy masks. A check that cannot judge a growing text (language,
schema, code) and whose failure the policy would not just note holds everything to the end, as does JSON, which is of
use only whole: the screen is then not `live`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from makar.checks import applicable, load_checks, run
from makar.review.decision import consequence, decide, is_json, mask_part, masked_spans
from makar.review.policy import Policy
from makar.verdict import Check, Span, Subject, Verdict

WINDOW_CHARS = 96
GROWTH = 16  # a window is at least this fraction of the text before it, which keeps the work near linear


class Screen:
    """Holds text back until it may leave. `stopped` is the verdict that ended the stream; nothing leaves after it.

    `verdicts` (every applicable check on the whole text) is filled by `finish`.
    """

    def __init__(self, policy: Policy, subject_template: Subject, *, window_chars: int = WINDOW_CHARS,
                 checks: Sequence[Check] | None = None) -> None:
        self.policy = policy
        self.template = subject_template
        self.stopped: Verdict | None = None
        self.verdicts: tuple[Verdict, ...] = ()
        self._checks = [check for check in (load_checks() if checks is None else checks)
                        if applicable(check, subject_template)]
        self._deciding = [check for check in self._checks if policy.action(check.name) != "release"]
        self.live = all(check.streaming for check in self._deciding) and not is_json(subject_template.media_type)
        self._hold_back_chars = max((check.hold_back_chars for check in self._deciding), default=0)
        self._window_chars = self._next_chars = window_chars
        self._parts: list[str] = []
        self._num_chars = self._left_chars = 0
        self._masked: set[Span] = set()

    @property
    def text(self) -> str:
        """All that was pushed, unmasked."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def push(self, text: str) -> str:
        """Takes more text; gives what may now leave, often nothing."""
        self._parts.append(text)
        self._num_chars += len(text)
        cleared = []
        while self.live and self.stopped is None and self._next_chars <= self._num_chars:
            cleared.append(self._window(self._next_chars))
            self._next_chars += max(self._window_chars, self._next_chars // GROWTH)
        return "".join(cleared)

    def finish(self) -> str:
        """Judges the whole text and gives the rest of it, or nothing once stopped."""
        text = self.text
        self.verdicts = tuple(self._run(check, text, final=True) for check in self._checks)
        cleared = self._clear(text, self.verdicts, len(text))
        if self.stopped is None and not self.live and cleared != text:
            self._judge_masked(text, cleared)
        self._keep_stopping_verdict()
        return "" if self.stopped else cleared

    def _window(self, end: int) -> str:
        limit = end - self._hold_back_chars
        if limit <= self._left_chars:
            return ""
        text = self.text[:end]
        return self._clear(text, [self._run(check, text, final=False) for check in self._deciding], limit)

    def _run(self, check: Check, text: str, *, final: bool) -> Verdict:
        return run(check, replace(self.template, content=text, final=final))

    def _clear(self, text: str, verdicts: Sequence[Verdict], limit: int) -> str:
        """What may leave of the first `limit` characters, all findings that start there being settled."""
        spans = masked_spans(verdicts, self.policy)
        if self.stopped is None:
            self.stopped = self._stopping(verdicts, spans, limit, final=limit >= len(text))
        if self.stopped is not None:
            return ""
        limit = min((span.start for span in spans if span.start < limit < span.end), default=limit)
        if limit <= self._left_chars:
            return ""
        part, self._left_chars = (self._left_chars, limit), limit
        self._masked |= {span for span in spans if span.end <= limit}
        return mask_part(text, part, spans, self.policy, self.template.media_type)

    def _stopping(self, verdicts: Sequence[Verdict], spans: Sequence[Span], limit: int, *,
                  final: bool) -> Verdict | None:
        for verdict in verdicts:
            if (not verdict.passed and consequence(self.policy, verdict) in ("hold", "refuse")
                    and (final or not verdict.spans or any(span.start < limit for span in verdict.spans))):
                return verdict
        late = [span for span in spans if span.start < self._left_chars and span not in self._masked]
        if late:  # a check that broke its promise: what should have been masked has begun to leave
            culprit = next(verdict for verdict in verdicts if late[0].start in {span.start for span in verdict.spans})
            return replace(culprit, spans=(), reason=f"seen too late to mask: {culprit.reason}")
        return None

    def _judge_masked(self, text: str, masked: str) -> None:
        """Masks may have spoilt what only the whole shows (JSON, a schema, code): see what would leave."""
        if is_json(self.template.media_type) and _parses(text) and not _parses(masked):
            culprit = next(verdict for verdict in self.verdicts if not verdict.passed and verdict.spans)
            self.stopped = replace(culprit, spans=(), reason=f"masking would break the JSON: {culprit.reason}")
        for check, verdict in zip(self._checks, self.verdicts, strict=True):
            if self.stopped is None and not check.streaming and verdict.passed and check in self._deciding:
                again = self._run(check, masked, final=True)
                if not again.passed:
                    self.stopped = replace(again, reason=f"after masking: {again.reason}", spans=())

    def _keep_stopping_verdict(self) -> None:
        """What stopped the stream is among the verdicts, even where the whole text alone would have been let go."""
        stopped = self.stopped
        if stopped is not None and decide(self.policy, self.verdicts).action not in ("hold", "refuse"):
            self.verdicts = tuple(stopped if verdict.check == stopped.check else verdict for verdict in self.verdicts)


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
