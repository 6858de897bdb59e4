from __future__ import annotations

from typing import Any

import pytest

from makar.checks import load_checks, run
from makar.verdict import Subject, Verdict

[CHECK] = load_checks(["json_schema"])
SCHEMA = {
    "type": "object",
    "required": ["a"],
    "additionalProperties": False,
    "properties": {"a": {"type": "array", "items": {"type": "integer"}}, 'b"x': {"pattern": "^(a+)+$"}},
}


def judge(content: str, schema: Any = SCHEMA) -> Verdict:
    return run(CHECK, Subject(content, "application/json", {"json_schema": schema}))


@pytest.mark.parametrize("content", ['{"a":[1,2]}', ' {"a" : [ ] , "b\\"x": "aaa"}\n', '{"b\\"x":"a","a":[-3]}'])
def test_what_fits(content: str) -> None:
    assert judge(content).passed


@pytest.mark.parametrize(
    ("content", "reason", "spans"),
    [
        ('{"a": [1, "x{", {"k":[1]}]}', "$.a[1]: 'x{' is not of type 'integer'; $.a[2]:", ['"x{"', '{"k":[1]}']),
        ('{"a":[], "b\\"x": "ab"}', "does not match", ['"ab"']),
        ('{"z": 1, "a":[1]}', "Additional properties are not allowed ('z' was unexpected)", ['{"z": 1, "a":[1]}']),
        ("[]", "$: [] is not of type 'object'", ["[]"]),
        ('{"a":[1,2}', "not JSON: Expecting ',' delimiter at line 1 column 10", ["}"]),
        ('```json\n{"a":[1]}\n```', "not JSON", ["`"]),
        ('{"a":[]} and more', "not JSON: Extra data at line 1 column 10", ["a"]),
        ('{"a":[NaN]}', "NaN is not JSON", ['{"a":[NaN]}']),
        ("", "not JSON: Expecting value", [""]),
        ('{"a":[1],"a":[2]}', "key 'a' comes twice", ['{"a":[1],"a":[2]}']),
    ],
)
def test_where_and_why_not(content: str, reason: str, spans: list[str]) -> None:
    verdict = judge(content)
    assert not verdict.passed and reason in verdict.reason
    assert [content[span.start : span.end] for span in verdict.spans] == spans


def test_nesting_beyond_reason_fails() -> None:
    assert "nested too deep" in judge("[" * 100_000).reason


def test_a_pattern_that_explodes_does_not_hold_the_check() -> None:
    schema = {"properties": {"s": {"pattern": "^(a|a)*(b|a)*$"}}}
    verdict = judge('{"s": "' + "a" * 200 + '!"}', schema)
    assert not verdict.passed and verdict.ms < CHECK.limit_s * 1000


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "http://x.example/s.json"}, "Unresolvable"),
        ({"type": "intger"}, "not a valid JSON schema at $.type"),
        ("x", "an object or a boolean, got str"),
    ],
)
def test_a_schema_that_cannot_be_used_is_not_a_pass(schema: Any, said: str) -> None:
    verdict = judge("1", schema)
    assert not verdict.passed and said in verdict.reason
