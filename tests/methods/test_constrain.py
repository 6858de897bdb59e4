"""Constrained output against independent judges: jsonschema, Python's re, and the list of choices itself."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import jsonschema
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Engine
from tokenizers import decoders, models, pre_tokenizers

from makar.codecs.bpe import Tokenizer
from makar.kit.errors import BadInput, UnknownName
from makar.methods.autoregress.constrain import Constraint, Grammar, GrammarState

END = "<|end|>"
CHUNKS = (
    '{"',
    '":',
    '": ',
    '", "',
    '"}',
    "],",
    "[[",
    "12",
    "00",
    "true",
    "fal",
    "null",
    "né",
    '\\"',
    "-0.",
    "e+",
    "ab ",
)


def _tokenizer(add_space: bool = False) -> Tokenizer:
    """Every byte, chunks across the borders of JSON's grammar, and two control tokens."""
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    vocab = sorted(spell.alphabet()) + [spell.pre_tokenize_str(chunk)[0][0] for chunk in CHUNKS]
    engine = Engine(models.BPE({token: id for id, token in enumerate(vocab)}, []))
    engine.pre_tokenizer, engine.decoder = spell, decoders.ByteLevel()
    if add_space:
        engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)
    engine.add_special_tokens([END, "<|other|>"])
    return Tokenizer(engine.to_str())


TOKENIZER = _tokenizer()
EOS = TOKENIZER.id_of(END)
assert EOS is not None
BYTE = {TOKENIZER.bytes_of(id): id for id in range(256)}
V = TOKENIZER.vocab_size + 43  # models' outputs are wider than their tokenizers
CLOSING = [BYTE[bytes([byte])] for byte in b'"}]']
HIGH = [BYTE[bytes([byte])] for byte in range(0xE0, 0x100)]


def grammar(constraint: Constraint) -> Grammar:
    return Grammar.compile(constraint, TOKENIZER, [EOS])


def schema(value: Any) -> Constraint:
    return Constraint("json_schema", json.dumps(value))


def walk(constraint: Constraint, seed: int, most_tok: int = 500) -> str | None:
    """A random output under the mask, or None where it did not end in time; ever more eager to close what is open."""
    state, random, out = grammar(constraint).start(), torch.Generator().manual_seed(seed), []
    for place in range(most_tok):
        logits = torch.randn(V, generator=random) * 1.5
        logits[EOS] += 2
        logits[CLOSING] += 1 + place / 50
        logits[HIGH] -= 2
        state.mask_(logits)
        token = int(torch.softmax(logits, 0).multinomial(1, generator=random))
        if token == EOS:
            assert state.can_stop
            break
        out.append(token)
        state.accept(token)
        if state.finished():
            break
    else:
        return None
    return b"".join(map(TOKENIZER.bytes_of, out)).decode("utf-8")


def feed(state: GrammarState, text: str) -> bool:
    """Whether every byte of `text` is allowed."""
    for byte in text.encode():
        if not state.allowed()[BYTE[bytes([byte])]]:
            return False
        state.accept(BYTE[bytes([byte])])
    return True


def judge(value: Any, text: str) -> None:
    """Fails unless `text` is JSON that satisfies the schema, formats included, without runs of spaces."""
    instance = json.loads(text)
    kind = jsonschema.validators.validator_for(value, default=jsonschema.Draft202012Validator)
    kind(value, format_checker=kind.FORMAT_CHECKER).validate(instance)
    assert not re.search(r"\s{2}|[\n\t]", re.sub(r'"(?:\\.|[^"\\])*"', "", text))


NODE = {
    "type": "object",
    "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}},
    "required": ["v", "next"],
    "additionalProperties": False,
}
SEVEN = "http://json-schema.org/draft-07/schema#"
ENFORCED: list[Any] = [
    True,
    {},
    {"type": "object"},
    {"type": ["integer", "null"]},
    {"minimum": 3},
    {"format": "date"},
    {
        "type": "object",
        "properties": {"b": {"type": "integer", "minimum": -5, "maximum": 17}, "a": {"maxLength": 5}},
        "required": ["b"],
        "additionalProperties": False,
    },
    {"type": "string", "minLength": 3, "maxLength": 4},
    {"type": "string", "pattern": "^\\d{3}-\\w+$"},
    {"type": "string", "pattern": '^[^"]*$'},
    {"type": "string", "pattern": '^[^"\\n]*[^\\\\]$'},
    {"type": "string", "pattern": "^[^\\\\/]+$"},
    *(
        {"type": "string", "format": name}
        for name in ("date", "date-time", "time", "email", "ipv4", "ipv6", "uuid", "uri", "hostname", "duration")
    ),
    {"type": "number", "minimum": 1.5, "exclusiveMaximum": 2.25},
    {"type": "number", "exclusiveMinimum": 0},
    {"type": "number", "minimum": -1e-7, "maximum": 1e-7},
    {"type": "integer", "multipleOf": 3, "minimum": 10, "maximum": 40},
    {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
    {"type": "array", "prefixItems": [{"maxLength": 3, "type": "string"}, {"type": "boolean"}], "items": False},
    {"type": "array", "prefixItems": [{"const": 1}], "items": {"type": "null"}, "minItems": 3},
    {"$schema": SEVEN, "type": "array", "items": [{"const": 1}, {"const": 2}], "additionalItems": {"const": 3}},
    {"$schema": SEVEN, "definitions": {"x": {"type": "null"}}, "$ref": "#/definitions/x", "type": "string"},
    {"anyOf": [{"type": "integer", "maximum": 3}, {"type": "string", "pattern": "^[a-f]+$", "maxLength": 9}]},
    {
        "oneOf": [
            {"type": "object", "properties": {"t": {"const": "a"}, "x": {"type": "integer"}}, "required": ["t"]},
            {"type": "object", "properties": {"t": {"const": "b"}, "y": {"type": "null"}}, "required": ["t"]},
        ]
    },
    {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 5}]},
    {"const": {"k": "\x01\x1f\x7f\u2028😀"}},
    {"enum": [1, "a", None, {"x": [1, 2]}, 1.5, '\x01é\n"/\\']},
    {"$defs": {"n": NODE}, "$ref": "#/$defs/n"},
    {
        "type": "object",
        "patternProperties": {"^a": {"type": "integer"}, "^b": {"type": "null"}},
        "additionalProperties": False,
    },
    {
        "type": "object",
        "properties": {"x": {"type": "integer"}},
        "patternProperties": {"^y": {"type": "boolean"}},
        "additionalProperties": {"type": "null"},
        "required": ["x", "ya", "z"],
    },
    {"type": "object", "minProperties": 1, "maxProperties": 2, "additionalProperties": {"type": "integer"}},
    {
        "type": "object",
        "properties": {"a": {"const": 1}},
        "required": ["a"],
        "minProperties": 2,
        "additionalProperties": {"const": 2},
    },
    {"type": "object", "properties": {"p": {"$ref": "#/properties/a~1b"}, "a/b": {"type": "integer", "maximum": 9}}},
    {"type": "array", "uniqueItems": False, "items": {"type": "null"}, "title": "t", "x-own": 1, "$comment": "c"},
]


@pytest.mark.parametrize("value", ENFORCED, ids=lambda value: json.dumps(value)[:60])
def test_random_output_satisfies_the_schema(value: Any) -> None:
    texts = [walk(schema(value), seed) for seed in range(12)]
    ended = [text for text in texts if text is not None]
    assert len(ended) >= 8
    for text in ended:
        judge(value, text)


def _schemas() -> st.SearchStrategy[Any]:
    whole = st.integers(-50, 50)
    leaves = st.one_of(
        st.builds(
            lambda low, span: {"type": "integer", "minimum": low, "maximum": low + span}, whole, st.integers(0, 300)
        ),
        st.builds(
            lambda low, span: {"type": "number", "minimum": low / 8, "exclusiveMaximum": low / 8 + span},
            whole,
            st.sampled_from([0.0625, 1, 17.5, 1000]),
        ),
        st.builds(
            lambda low, span: {"type": "string", "minLength": low, "maxLength": low + span},
            st.integers(0, 3),
            st.integers(0, 5),
        ),
        st.sampled_from(
            [
                {"type": "null"},
                {"type": "boolean"},
                {"type": ["boolean", "string"], "maxLength": 2},
                {"type": "string", "pattern": '^[a-z]{1,3}(?:-[^"]{2})?$'},
                {"format": "date-time", "type": "string"},
            ]
        ),
        st.builds(
            lambda values: {"enum": values}, st.lists(st.none() | whole | st.text(max_size=4), min_size=1, max_size=4)
        ),
    )
    names = st.sampled_from(["a", "b", "né", "x y", 'q"', ""])

    def wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        objects = st.dictionaries(names, inner, max_size=3).flatmap(
            lambda members: st.builds(
                lambda required, rest: {
                    "type": "object",
                    "properties": members,
                    "required": required,
                    "additionalProperties": rest,
                },
                st.lists(st.sampled_from(sorted(members)), unique=True) if members else st.just([]),
                st.just(False) | inner,
            )
        )
        arrays = st.builds(
            lambda item, least, span: {"type": "array", "items": item, "minItems": least, "maxItems": least + span},
            inner,
            st.integers(0, 2),
            st.integers(0, 2),
        )
        return st.one_of(
            objects,
            arrays,
            st.builds(lambda one, other: {"anyOf": [one, other]}, inner, inner),
            st.builds(lambda one: {"allOf": [one], "title": "t"}, inner),
        )

    return st.recursive(leaves, wider, max_leaves=6)


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(_schemas(), st.integers(0, 2**32))
def test_random_schemas_are_satisfied_by_random_output(value: Any, seed: int) -> None:
    text = walk(schema(value), seed)
    assume(text is not None)
    judge(value, str(text))


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"not": {"type": "null"}}, "'not' .at #/not."),
        (
            {"properties": {"a": {"type": "array", "uniqueItems": True}}},
            "'uniqueItems' .at #/properties/a/uniqueItems.",
        ),
        ({"if": {"const": 1}, "then": {"const": 1}}, "'if'"),
        ({"type": "object", "dependentSchemas": {"a": {}}}, "'dependentSchemas'"),
        ({"type": "object", "dependentRequired": {"a": ["b"]}}, "'dependentRequired'"),
        ({"type": "object", "propertyNames": {"maxLength": 2}}, "'propertyNames'"),
        ({"type": "object", "unevaluatedProperties": False}, "'unevaluatedProperties'"),
        ({"type": "array", "contains": {"const": 1}}, "'contains'"),
        ({"anyOf": [{"$dynamicRef": "#x"}]}, "'.dynamicRef' .at #/anyOf/0/"),
        ({"$defs": {"a": {"$id": "http://x.y/"}}}, "'.id' .at #/.defs/a/"),
        ({"type": "string", "format": "iri"}, "format 'iri'.*uuid"),
        ({"type": "number", "multipleOf": 0.01}, "multipleOf 0.01"),
        ({"type": "number", "minimum": -0.125, "exclusiveMaximum": 0.0}, "exclusiveMaximum 0.0 beside -0.125"),
        ({"allOf": [{"exclusiveMinimum": 1}, {"maximum": 1.5}]}, "exclusiveMinimum 1 beside 1.5"),
        ({"$ref": "https://example.org/other.json"}, "ref. to 'https://example.org/other.json'"),
        ({"$ref": "#/$defs/gone"}, "points to nothing"),
        ({"$ref": "#/$defs", "$defs": {"a": {}}}, "points to nothing"),
        ({"$ref": "#/enum/0", "enum": [{"minimun": 3}]}, "points to nothing"),
        ({"minimun": 3}, "'minimun'.*did you mean 'minimum'"),
        ({"nullable": True}, "'nullable'"),
        ({"x-guidance": {"lenient": True}, "not": {}}, "'not'"),
        ({"oneOf": [{"type": "integer"}, {"minimum": 3}]}, "oneOf"),
        ({"type": "object", "minProperties": 2}, "minProperties 2"),
        ({"type": "object", "patternProperties": {"^a": {}, "a$": {"type": "null"}}}, "not disjoint"),
        ({"type": "object", "patternProperties": {'^[^"]$': {}}}, "for property names"),
        ({"type": "object", "properties": {"a\nb": {}}}, "control characters"),
        ({"type": "string", "pattern": "^(?=a)b"}, "look-around"),
        ({"type": "string", "pattern": "(a)\\1"}, "backreferences"),
        ({"type": "string", "pattern": "a++"}, "possessive"),
        ({"type": "string", "pattern": "["}, "not a 'regex'"),
        ({"type": "string", "pattern": "[\\x00-!#-\\x7f]"}, "class"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "draft-04.*known drafts"),
        ({"type": "strin"}, "not a JSON Schema"),
        ({"minimum": "3"}, "not a JSON Schema"),
        ([], "object or true"),
    ],
)
def test_what_cannot_be_enforced_is_refused_by_name(value: Any, names: str) -> None:
    with pytest.raises(BadInput, match=names) as error:
        grammar(schema(value))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "value",
    [
        False,
        {"enum": []},
        {"type": "integer", "minimum": 5, "maximum": 3},
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"type": "object", "properties": {"a": False}, "required": ["a"]},
        {"type": "string", "minLength": 4, "maxLength": 2},
        {"type": "object", "required": ["a"], "additionalProperties": False},
        {"allOf": [{"type": "string"}, {"type": "null"}]},
        {"type": "array", "minItems": 2, "maxItems": 1},
        {"type": "array", "items": False, "minItems": 1},
        {"type": "string", "pattern": "^a$", "minLength": 5},
        {"anyOf": [False]},
        {"const": 1, "type": "string"},
        {"type": "object", "properties": {"c": {"$ref": "#"}}, "required": ["c"]},
        {"allOf": [{"$ref": "#"}]},
        {"type": "array", "items": {"$ref": "#"}, "minItems": 1},
        {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {
            "$defs": {
                "a": {"type": "object", "required": ["b"], "properties": {"b": {"anyOf": [{"$ref": "#/$defs/a"}]}}}
            },
            "$ref": "#/$defs/a",
        },
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_an_impossible_schema_is_refused(value: Any) -> None:
    with pytest.raises(BadInput, match=r"can satisfy|Unsatisfiable") as error:
        grammar(schema(value))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("[1", "line 1, column"),
        ('{"const": NaN}', "NaN"),
        ('{"const": "\\ud800"}', "cannot be enforced"),
        ('{"anyOf":[' * 200 + "{}" + "]}" * 200, "nested deeper"),
        ("[" * 100_000, "nested deeper"),
        ("5", "object or true"),
    ],
)
def test_a_body_that_is_no_schema_is_one_clear_line(body: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        grammar(Constraint("json_schema", body))


def test_properties_come_in_the_order_of_the_schema() -> None:
    value = {
        "type": "object",
        "properties": {"z": {"const": 1}, "a": {"const": 2}},
        "required": ["z", "a"],
        "additionalProperties": False,
    }
    assert {walk(schema(value), seed) for seed in range(20)} <= {
        f'{{"z":{s}1,{t}"a":{u}2}}' for s in ("", " ") for t in ("", " ") for u in ("", " ")
    }


REGEXES = [
    r"abc",
    r"[a-f0-9]{4}",
    r"(?:yes|no|maybe)!?",
    r"\d{1,3}(?:\.\d{1,3}){3}",
    r"[^\n\"]{2,5}",
    r"a*b+c?",
    r"(?i)ok",
    r"",
    r"[+*]+x",
    r"[\]\\^-]+",
    r"é|😀{2}",
    r"^anchored$",
    r".{0,4}",
    r"[A-Z][a-z]+ [A-Z]\.",
]


@pytest.mark.parametrize("regex", REGEXES)
def test_random_output_matches_the_whole_regex(regex: str) -> None:
    ended = [text for seed in range(12) if (text := walk(Constraint("regex", regex), seed, 3000)) is not None]
    assert len(ended) >= 8
    for text in ended:
        assert re.fullmatch(regex, text), text


@pytest.mark.parametrize(
    ("regex", "says"),
    [
        ("a(?=b)", "look-around"),
        ("(?<!a)b", "look-around"),
        ("(a)\\1", "backreferences"),
        ("\\bword", "word boundary"),
        ("a^b", "anchor"),
        ("(", "cannot be read"),
        ("x{2,1}", "cannot be read"),
        ("a++", "possessive"),
        ("[a&&b]", "set intersection"),
        ("[^\\s\\S]", "no output can satisfy"),
        ("(?>a)", "cannot be enforced"),
    ],
)
def test_a_regex_that_cannot_be_enforced_is_refused(regex: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as error:
        grammar(Constraint("regex", regex))
    assert "\n" not in str(error.value)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=5), st.integers(0, 2**32))
def test_output_is_one_of_the_choices_and_each_can_come(choices: list[str], seed: int) -> None:
    constraint = Constraint("choice", json.dumps(choices))
    assert walk(constraint, seed) in choices
    for choice in choices:
        state = grammar(constraint).start()
        assert feed(state, choice)
        assert state.can_stop


@pytest.mark.parametrize("body", ["[]", '"a"', "[1]", "{}", "[", '["\\ud800"]'])
def test_a_choice_that_is_no_list_of_texts_is_refused(body: str) -> None:
    with pytest.raises(BadInput, match="choice"):
        grammar(Constraint("choice", body))


def test_a_constraint_of_another_kind_is_refused() -> None:
    with pytest.raises(UnknownName, match="json_schema"):
        Constraint("grammar", "x")


def test_the_end_is_allowed_only_where_the_output_is_complete() -> None:
    state = grammar(Constraint("choice", '["yes", "yes, sir"]')).start()
    for text, ends in (("", False), ("yes", True), (", si", False), ("r", True)):
        assert feed(state, text)
        assert state.can_stop == ends
        if not state.finished():
            assert state.allowed()[EOS] == ends
    assert state.finished()


def test_mask_forbids_control_tokens_and_what_the_tokenizer_lacks() -> None:
    for constraint in (schema({}), Constraint("regex", r"(?s).+"), Constraint("choice", '["<|other|>"]')):
        logits = grammar(constraint).start().mask_(torch.zeros(V))
        assert (logits[TOKENIZER.vocab_size - 2 :] == -math.inf).all()
        assert (logits == 0).any()


def test_mask_keeps_allowed_logits_and_forbids_the_rest_whether_few_or_many_are_allowed() -> None:
    for regex in ("a", r"(?s).+"):
        state = grammar(Constraint("regex", regex)).start()
        before = torch.randn(V, generator=torch.Generator().manual_seed(0))
        allowed = torch.zeros(V, dtype=torch.bool)
        mask = torch.from_numpy(state.allowed().copy())[:V]
        allowed[: len(mask)] = mask
        assert torch.equal(state.mask_(before.clone()), before.masked_fill(~allowed, -math.inf))


def test_compiled_once_and_sequences_do_not_disturb_each_other() -> None:
    constraint = Constraint("choice", '["ab", "cd"]')
    assert grammar(constraint) is grammar(Constraint("choice", '["ab", "cd"]'))
    one, other = grammar(constraint).start(), grammar(constraint).start()
    assert feed(one, "ab")
    assert one.finished()
    assert feed(other, "cd")


def test_a_tokenizer_that_puts_a_space_first_is_held_as_well() -> None:
    tokenizer = _tokenizer(add_space=True)
    assert tokenizer.encode("a") == tokenizer.encode(" a")
    state = Grammar.compile(Constraint("choice", '["néab ab ", "x"]'), tokenizer, [EOS]).start()
    out = b""
    while not state.finished():
        logits = torch.zeros(V)
        logits[BYTE[b"n"]] = 1
        token = int(state.mask_(logits).argmax())
        out += tokenizer.bytes_of(token)
        state.accept(token)
    assert out.decode() == "néab ab "


def test_a_token_that_was_not_allowed_is_our_own_bug() -> None:
    state = grammar(Constraint("choice", '["ab"]')).start()
    with pytest.raises(AssertionError, match="not allowed"):
        state.accept(BYTE[b"z"])
