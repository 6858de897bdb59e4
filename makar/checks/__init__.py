"""One file is one check; each looks at a subject and gives a verdict. Entry points of `makar.checks` add more."""

from __future__ import annotations

import ctypes
import functools
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from makar.kit import plugins
from makar.kit.errors import BadInput, TimedOut, UnknownName
from makar.verdict import Check, Subject, Verdict

GROUP = "makar.checks"


def check_names() -> list[str]:
    """Every check that can be run: the files of this package and the entry points of `makar.checks`."""
    return sorted({*plugins.names(__name__), *_outside_names()})


def load_checks(names: Sequence[str] | None = None) -> list[Check]:
    """The checks of these names, in this order; all of them, sorted by name, when none are given.

    Raises: UnknownName, BadInput (an entry point that cannot be loaded or is no Check)
    """
    return [_load(name) for name in (check_names() if names is None else names)]


def applicable(check: Check, subject: Subject) -> bool:
    """Whether there is anything for this check to judge: its media type, and the thing asked for."""
    asked = check.asked is None or subject.asked.get(check.asked) is not None
    return asked and subject.media_type.startswith(check.media_types)


def run(check: Check, subject: Subject) -> Verdict:
    """The check's verdict within its time limit. Never raises: a check that crashes or runs over has not passed."""
    outcome: list[Verdict | BaseException] = []
    worker = threading.Thread(target=_judge, args=(check, subject, outcome), name=f"check {check.name}", daemon=True)
    start_s = time.perf_counter()
    worker.start()
    worker.join(check.limit_s)
    ms = (time.perf_counter() - start_s) * 1000
    if not outcome:
        _abandon(worker)
        return _unfinished(check, f"did not finish within {check.limit_s:g} s", ms)
    verdict = outcome[0]
    if isinstance(verdict, BaseException):
        return _unfinished(check, f"stopped with {type(verdict).__name__}: {verdict}"[:300], ms)
    fault = _fault(check, verdict, subject)
    if fault:
        return _unfinished(check, fault, ms)
    judged = _excused(verdict, subject) if check.excuses_given else verdict
    # A record is signed as JSON that another program reads, and not every reader keeps the last digit of a number.
    return replace(judged, score=round(judged.score, 6), ms=round(ms, 3))


def run_all(subject: Subject) -> tuple[Verdict, ...]:
    """The verdict of every check that applies to a whole work."""
    return tuple(run(check, subject) for check in load_checks() if applicable(check, subject))


def _excused(verdict: Verdict, subject: Subject) -> Verdict:
    """The verdict without what the user's own file held already: to mask that would damage the file."""
    given = subject.asked.get("given")
    if verdict.passed or not verdict.spans or not isinstance(given, str):
        return verdict
    new = tuple(span for span in verdict.spans if subject.text[span.start:span.end] not in given)
    num_old = len(verdict.spans) - len(new)
    if not num_old:
        return verdict
    reason = f"{verdict.reason}; {num_old} of them stood in the file that was given"
    return replace(verdict, spans=new, reason=reason, passed=not new, score=1.0 if not new else verdict.score)


def _judge(check: Check, subject: Subject, outcome: list[Verdict | BaseException]) -> None:
    try:
        outcome.append(check.run(subject))
    except BaseException as error:  # noqa: BLE001  what a check raises is reported in its verdict, whatever it is
        outcome.append(error)


def _abandon(worker: threading.Thread) -> None:
    # A thread cannot be killed, but its next Python instruction can raise: the check stops burning the processor.
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident or 0), ctypes.py_object(TimedOut))


def _unfinished(check: Check, why: str, ms: float) -> Verdict:
    return Verdict(check.name, passed=False, score=0.0, reason=f"not judged: the check {why}", ms=round(ms, 3))


def _fault(check: Check, verdict: object, subject: Subject) -> str:
    """What is wrong with the verdict itself; empty when it can be relied on."""
    if not isinstance(verdict, Verdict):
        return f"returned {type(verdict).__name__} instead of a Verdict"
    if verdict.check != check.name:
        return f"returned a verdict of '{verdict.check}'"
    if verdict.spans and isinstance(subject.content, bytes):
        return "returned spans of what is no text"
    if any(not 0 <= span.start <= span.end <= len(subject.content) for span in verdict.spans):
        return "returned spans outside the content"
    return ""


@functools.cache
def _outside_names() -> frozenset[str]:
    return frozenset(plugins.names(__name__, GROUP)) - frozenset(plugins.names(__name__))


@functools.cache
def _load(name: str) -> Check:
    # Without a group for our own files: entry points are slow to list, and must not replace a built-in check.
    known = plugins.names(__name__)
    if name not in known and name not in _outside_names():
        raise UnknownName("check", name, check_names())
    try:
        check = plugins.load(__name__, name, "CHECK", None if name in known else GROUP)
    except (ImportError, AttributeError) as error:
        raise BadInput(f"check '{name}' cannot be loaded: {error}; "
                       "mend or uninstall the package that brings it") from error
    if not isinstance(check, Check) or check.name != name:
        raise BadInput(f"check '{name}' is not a Check of that name: {check!r:.200}")
    return check
