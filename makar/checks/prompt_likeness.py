"""The prompt does not ask for the likeness of a real person: nobody widely known is named, and nothing in it looks like
a given name and a surname.

Some 200 widely known people are recognised in any spelling of case, others by their names' form in an English prompt;
people who are named otherwise are missed.
"""

from __future__ import annotations

from makar.patterns.people import named_in
from makar.verdict import Check, Subject, Verdict


def _run(subject: Subject) -> Verdict:
    name = named_in(str(subject.asked["prompt"]))
    if name:
        return Verdict("prompt_likeness", False, 0.0, f"the prompt seems to name a person: '{name}'")
    return Verdict("prompt_likeness", True, 1.0, "no person's name is recognised in the prompt")


CHECK = Check("prompt_likeness", _run, ("image/",), asked="prompt")
