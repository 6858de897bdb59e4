"""Code parses: Python, JSON and TOML are read by their own parsers; the verdict names line and column."""

from __future__ import annotations

import ast
import json
import tomllib
import warnings
from dataclasses import dataclass

from makar.verdict import Check, Span, Subject, Verdict

_PYTHON = ("text/x-python", "text/python", "application/x-python")


@dataclass(frozen=True)
class _Fault:
    start: int
    message: str
    line: int
    column: int


def run(subject: Subject) -> Verdict:
    """Passed if the whole parses. A completion (`prefix` and `suffix` asked) is judged in the file it goes into."""
    if "prefix" in subject.asked or "suffix" in subject.asked:
        return _judge_completion(subject)
    fault = _fault(subject.text, subject.media_type)
    if fault is None:
        return Verdict("code_parses", passed=True, score=1.0, reason="parses")
    return _failed(fault, fault.start, subject.text)


def _judge_completion(subject: Subject) -> Verdict:
    prefix, suffix = str(subject.asked.get("prefix", "")), str(subject.asked.get("suffix", ""))
    fault = _fault(prefix + subject.text + suffix, subject.media_type)
    if fault is None:
        return Verdict("code_parses", passed=True, score=1.0, reason="the file parses with it")
    around = _fault(prefix + suffix, subject.media_type)
    start = fault.start - len(prefix)
    if around is not None and not 0 <= start < len(subject.text):
        return Verdict("code_parses", passed=True, score=0.5, reason="not judged: the file does not parse without it "
                       f"either (line {around.line}: {around.message})")
    return _failed(fault, start, subject.text)


def _failed(fault: _Fault, start: int, content: str) -> Verdict:
    start = min(max(start, 0), len(content))
    end = content.find("\n", start)
    end = len(content) if end < 0 else end
    share = start / len(content) if content else 0.0
    return Verdict("code_parses", passed=False, score=min(0.99, share), spans=(Span(start, end, "syntax error"),),
                   reason=f"does not parse: {fault.message} at line {fault.line}, column {fault.column}")


def _fault(content: str, media_type: str) -> _Fault | None:
    kind = media_type.partition(";")[0].strip().lower()
    if kind in _PYTHON:
        return _python_fault(content)
    return _toml_fault(content) if kind.endswith("toml") else _json_fault(content)


def _python_fault(content: str) -> _Fault | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape is no syntax error
            ast.parse(content)
    except SyntaxError as error:
        line = error.lineno or 1
        return _at_line(content, line, error.offset or 1, error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        # A null character, a lone surrogate, or nesting deeper than the parser goes.
        return _Fault(0, str(error) or "too deeply nested", 1, 1)
    return None


def _json_fault(content: str) -> _Fault | None:
    try:
        json.loads(content)
    except json.JSONDecodeError as error:
        return _Fault(error.pos, error.msg, error.lineno, error.colno)
    except RecursionError:
        return _Fault(0, "too deeply nested", 1, 1)
    return None


def _toml_fault(content: str) -> _Fault | None:
    try:
        tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).rpartition(" (at ")
        numbers = [int(word) for word in place.replace(",", " ").replace(")", " ").split() if word.isdigit()]
        line, column = numbers if len(numbers) == 2 else (content.count("\n") + 1, 1)
        return _at_line(content, line, column, message or str(error))
    except RecursionError:
        return _Fault(0, "too deeply nested", 1, 1)
    return None


def _at_line(content: str, line: int, column: int, message: str) -> _Fault:
    # The parser counts line ends as \n, \r and \r\n; text has no other that it would count.
    lines = content.replace("\r\n", " \n").replace("\r", "\n").split("\n")
    start = sum(len(text) + 1 for text in lines[:line - 1]) + column - 1
    return _Fault(min(max(start, 0), len(content)), message, line, column)


CHECK = Check("code_parses", run, media_types=(*_PYTHON, "application/json", "application/toml", "text/x-toml"))
