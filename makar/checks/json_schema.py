"""The content is one JSON document that fits the schema asked for; says where it does not, and why.

Nothing is fetched: a reference out of the schema fails. Duplicate keys and NaN are no JSON here.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from makar.kit.errors import BadInput
from makar.verdict import Check, Span, Subject, Verdict

MAX_ERRORS = 5
PATTERN_TIMEOUT_S = 1.0
_TOKEN = re.compile(r'[ \t\r\n]*(?P<token>[{}\[\]:,]|"(?:[^"\\]|\\.)*+"|[^\s{}\[\]:,"]+)', re.DOTALL)


def _parse(content: str) -> Any:
    return json.loads(content, parse_constant=_no_constant, object_pairs_hook=_unique)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r:.80} comes twice in one object")
    return dict(pairs)


def _validator(schema: Any) -> Any:
    if not isinstance(schema, (Mapping, bool)):
        raise BadInput(f"a JSON schema is an object or a boolean, got {type(schema).__name__}")
    return _compiled(json.dumps(schema, default=dict))


@functools.lru_cache(maxsize=32)
def _compiled(schema: str) -> Any:
    # Imported when first needed: jsonschema takes a while to load.
    import jsonschema
    import referencing

    plain = json.loads(schema)
    dialect = jsonschema.validators.validator_for(plain, default=jsonschema.Draft202012Validator)
    try:
        dialect.check_schema(plain)
    except jsonschema.SchemaError as error:
        raise BadInput(f"not a valid JSON schema at {error.json_path}: {error.message:.200}") from error
    timed = jsonschema.validators.extend(dialect, {"pattern": _pattern, "patternProperties": _pattern_properties})
    return timed(plain, registry=referencing.Registry(), format_checker=dialect.FORMAT_CHECKER)


def _search(pattern: str, text: str) -> bool:
    # The schema is the user's: a pattern that explodes must not hold the check.
    import regex

    return regex.search(pattern, text, timeout=PATTERN_TIMEOUT_S) is not None


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[Any]:
    import jsonschema

    if validator.is_type(instance, "string") and not _search(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r:.100} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(instance, "object"):
        for pattern, subschema in patterns.items():
            for key, value in instance.items():
                if _search(pattern, key):
                    yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _place(content: str, path: tuple[str | int, ...]) -> tuple[int, int]:
    """Characters [start, end) of the value at `path` in content that parses."""
    tokens = [(match["token"], *match.span("token")) for match in _TOKEN.finditer(content)]
    at = 0
    for step in path:
        at = _child(tokens, at, step)
    return tokens[at][1], tokens[_after(tokens, at) - 1][2]


def _child(tokens: list[tuple[str, int, int]], at: int, step: str | int) -> int:
    """The index of the first token of the child `step` of the object or list that begins at token `at`."""
    index, number = at + 1, 0
    while True:
        if isinstance(step, int):
            if number == step:
                return index
            index, number = _after(tokens, index) + 1, number + 1
        else:
            if json.loads(tokens[index][0]) == step:
                return index + 2
            index = _after(tokens, index + 2) + 1


def _after(tokens: list[tuple[str, int, int]], at: int) -> int:
    """The index of the token after the value that begins at token `at`."""
    depth = 0
    while True:
        depth += (tokens[at][0] in "{[") - (tokens[at][0] in "}]")
        at += 1
        if depth <= 0:
            return at


def _fail(reason: str, spans: tuple[Span, ...]) -> Verdict:
    return Verdict("json_schema", False, 0.0, reason, spans)


def _run(subject: Subject) -> Verdict:
    content = subject.text
    validator = _validator(subject.asked["json_schema"])
    try:
        document = _parse(content)
    except json.JSONDecodeError as error:
        end = min(len(content), error.pos + 1)
        return _fail(f"not JSON: {error.msg} at line {error.lineno} column {error.colno}",
                     (Span(min(error.pos, end), end, "not JSON"),))
    except (ValueError, RecursionError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else str(error)
        return _fail(f"not JSON: {what}", (Span(0, len(content), "not JSON"),))
    errors = sorted(validator.iter_errors(document), key=lambda error: [str(step) for step in error.absolute_path])
    if not errors:
        return Verdict("json_schema", True, 1.0, "fits the schema")
    reasons = [f"{error.json_path}: {error.message:.160}" for error in errors[:MAX_ERRORS]]
    more = f" (and {len(errors) - MAX_ERRORS} more)" if len(errors) > MAX_ERRORS else ""
    spans = {Span(*_place(content, tuple(error.absolute_path)), f"{error.validator}") for error in errors[:MAX_ERRORS]}
    return _fail("; ".join(reasons) + more, tuple(sorted(spans, key=lambda span: (span.start, span.end))))


CHECK = Check("json_schema", _run, ("text/", "application/"), asked="json_schema")
