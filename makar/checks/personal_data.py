"""Personal data, by the patterns of `makar.patterns.personal_data`, which say what is looked for and what is exempt."""

from __future__ import annotations

from makar.patterns.personal_data import find_personal_data
from makar.verdict import Check, Subject, Verdict

HOLD_BACK_CHARS = 160


def _run(subject: Subject) -> Verdict:
    spans = find_personal_data(subject.text)
    if not spans:
        return Verdict("personal_data", True, 1.0, "no personal data found")
    counts = {label: sum(span.label == label for span in spans) for label in sorted({span.label for span in spans})}
    reason = "found " + ", ".join(f"{count} x {label}" for label, count in counts.items())
    return Verdict("personal_data", False, 0.0, reason, spans)


CHECK = Check("personal_data", _run, ("text/", "application/"), streaming=True, hold_back_chars=HOLD_BACK_CHARS,
              excuses_given=True, limit_s=20.0)
