"""JSON Schemas that can be kept to the letter: every keyword is enforced, known to say nothing, or refused by name."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema

from makar.kit.errors import BadInput
from makar.methods.autoregress import regex

MAX_DEPTH = 60
_TOO_DEEP = f"the JSON Schema is nested deeper than {MAX_DEPTH} levels; flatten it with '$defs' and '$ref'"

_AS_IS = frozenset({
    "type", "enum", "const", "required", "minProperties", "maxProperties", "minItems", "maxItems", "minLength",
    "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_ONE = frozenset({"items", "additionalItems", "additionalProperties"})
_LISTS = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions"})
_SAY_NOTHING = frozenset({
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$anchor",
    "contentMediaType", "contentEncoding"})
_REFUSED = frozenset({
    "not", "if", "then", "else", "uniqueItems", "contains", "minContains", "maxContains", "dependentRequired",
    "dependentSchemas", "dependencies", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
    "contentSchema", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary", "$id",
    "id", "$schema"})
_OTHER = frozenset({"$ref", "format", "multipleOf", "pattern"})
_TYPES = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
_DRAFTS = ("draft/2020-12", "draft/2019-09", "draft-07", "draft-06")

# Days that exist, 29 February only in leap years, as Python's `datetime` also has them (no year 0, no second 60).
_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY = (f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|"
        f"02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)")
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
# RFC 3339, section 5.6
_FORMAT_PATTERNS = {"date": f"^{_DAY}$", "time": f"^{_TIME}$", "date-time": f"^{_DAY}T{_TIME}$"}
_FORMATS = frozenset({*_FORMAT_PATTERNS, "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"})
_MAX_HOSTNAME_CHARS = 253


def enforceable(text: str) -> dict[str, Any]:
    """The schema in `text` in draft 2020-12 form, reduced to the keywords that are enforced.

    Raises: BadInput (not a schema, a feature that cannot be enforced, or a schema no finite JSON satisfies)
    """
    schema = _parsed(text)
    if schema is False:
        raise BadInput("no JSON can satisfy the JSON Schema 'false'")
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise BadInput(f"a JSON Schema is an object or true, got {json.dumps(schema)[:60]}")
    draft = _draft(schema)
    _check_shape(schema)
    root = {key: value for key, value in schema.items() if key not in ("$schema", "$id")}
    walk = _Walk(tuples_in_items=draft != _DRAFTS[0], lone_refs=draft in _DRAFTS[2:])
    clean: dict[str, Any] = walk.node(root, "#")
    for ref in walk.refs - walk.places.keys():
        raise BadInput(f"the JSON Schema's '$ref' to '{ref[:80]}' points to nothing that is a schema")
    if not _Ends(walk.places).node(clean, _TYPES, frozenset()):
        raise BadInput("no finite JSON can satisfy the JSON Schema: it requires itself without end; make a property of"
                       " the cycle optional, or let it be null")
    return clean


def _parsed(text: str) -> Any:
    def no_constant(name: str) -> Any:
        raise BadInput(f"the JSON Schema holds {name}, which JSON does not have")

    try:
        schema = json.loads(text, parse_constant=no_constant)
        deep = _too_deep(schema)
    except json.JSONDecodeError as error:
        raise BadInput(f"the JSON Schema is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
                       ) from error
    except RecursionError:
        deep = True
    if deep:
        raise BadInput(_TOO_DEEP)
    return schema


def _too_deep(value: Any) -> bool:
    layer = [value]
    for _ in range(MAX_DEPTH):
        layer = [inner for item in layer if isinstance(item, (dict, list))
                 for inner in (item.values() if isinstance(item, dict) else item)]
        if not layer:
            return False
    return True


def _draft(schema: Mapping[str, Any]) -> str:
    asked = schema.get("$schema", _DRAFTS[0])
    for draft in _DRAFTS:
        if isinstance(asked, str) and draft in asked:
            return draft
    raise BadInput(f"the JSON Schema's '$schema' is {asked!r}; known drafts: 2020-12, 2019-09, draft-07, draft-06")


def _check_shape(schema: Mapping[str, Any]) -> None:
    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        where = "/".join(["#", *map(str, error.absolute_path)])
        raise BadInput(f"not a JSON Schema: {error.message[:200]} (at {where})") from None
    except RecursionError:
        raise BadInput(_TOO_DEEP) from None


@dataclass(frozen=True)
class _Walk:
    """Rebuilds a schema, refusing what cannot be enforced.

    tuples_in_items: `items` may be a list (before 2020-12)
    lone_refs: what stands beside `$ref` is ignored (before 2019-09)
    """

    tuples_in_items: bool
    lone_refs: bool
    places: dict[str, Any] = field(default_factory=dict)  # JSON pointer -> the schema there, rebuilt
    refs: set[str] = field(default_factory=set)

    def node(self, schema: Any, where: str) -> Any:
        self.places[where] = schema if isinstance(schema, bool) else self._rebuilt(schema, where)
        return self.places[where]

    def _rebuilt(self, schema: Mapping[str, Any], where: str) -> dict[str, Any]:
        if self.lone_refs and "$ref" in schema:
            schema = {key: value for key, value in schema.items() if key in ("$ref", "$defs", "definitions")}
        if self.tuples_in_items:
            schema = _modern_items(schema)
        clean = {key: self._value(key, value, f"{where}/{key}") for key, value in schema.items()
                 if not _says_nothing(key, value)}
        _check_free_names(clean, where)
        _check_bounds(clean, where)
        return _with_format(clean)

    def _value(self, key: str, value: Any, where: str) -> Any:
        if key in _ONE:
            return self.node(value, where)
        if key in _LISTS:
            return [self.node(item, f"{where}/{place}") for place, item in enumerate(value)]
        if key in _MAPS:
            _check_names(key, value, where)
            return {name: self.node(item, f"{where}/{_pointer_part(name)}") for name, item in value.items()}
        if key == "pattern":
            return regex.within_json(value, f"the JSON Schema's pattern (at {where})")
        if key == "$ref":
            self.refs.add(value)
        if key in _CHECKED:
            _CHECKED[key](value, where)
        elif key not in _AS_IS:
            _refuse(key, where)
        return value


def _pointer_part(name: str) -> str:
    """Source: RFC 6901, section 3"""
    return name.replace("~", "~0").replace("/", "~1")


def _modern_items(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """`items: [...]` with `additionalItems`, as `prefixItems` with `items`."""
    if not isinstance(schema.get("items"), list):
        return {key: value for key, value in schema.items() if key != "additionalItems"}
    names = {"items": "prefixItems", "additionalItems": "items"}
    return {names.get(key, key): value for key, value in schema.items()}


def _says_nothing(key: str, value: Any) -> bool:
    return key in _SAY_NOTHING or key.startswith("x-") or (key == "uniqueItems" and value is False)


def _refuse(key: str, where: str) -> None:
    if key in _REFUSED:
        raise BadInput(f"the JSON Schema uses '{key}' (at {where}), which cannot be enforced while generating;"
                       " say it with other keywords or take it out")
    known = _AS_IS | _ONE | _LISTS | _MAPS | _OTHER
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "; own annotations begin with 'x-'"
    raise BadInput(f"the JSON Schema uses '{key}' (at {where}), which is no keyword that can be enforced{hint}")


def _check_ref(value: str, where: str) -> None:
    if value != "#" and not value.startswith("#/"):
        raise BadInput(f"the JSON Schema's '$ref' to '{value[:80]}' (at {where}) cannot be followed: only '#' and"
                       " '#/...' within the schema can; copy what it means into '$defs'")


def _check_format(value: str, where: str) -> None:
    if value not in _FORMATS:
        raise BadInput(f"the JSON Schema's format '{value[:60]}' (at {where}) cannot be enforced;"
                       f" those that can: {', '.join(sorted(_FORMATS))}")


def _check_multiple(value: float, where: str) -> None:
    if value != int(value):
        raise BadInput(f"the JSON Schema's multipleOf {value} (at {where}) cannot be enforced: readers do not agree on"
                       " multiples of fractions; use a whole number, or a string with a pattern")


_CHECKED: Mapping[str, Callable[[Any, str], None]] = {
    "$ref": _check_ref, "format": _check_format, "multipleOf": _check_multiple}


def _check_names(key: str, names: Mapping[str, Any], where: str) -> None:
    if key == "patternProperties":
        for pattern in names:
            if regex.leaks(regex.checked(pattern, f"the JSON Schema's pattern (at {where})")):
                raise BadInput(f"the JSON Schema's pattern {pattern[:60]!r} for property names (at {where}) cannot be"
                               " enforced: a class such as [^\"] cannot exclude quotes or backslashes in names")
    if key == "properties":
        for name in names:  # a control character has two spellings in JSON, and the second would pass as another name
            if any(char < " " or char == "\x7f" for char in name):
                raise BadInput(f"the JSON Schema has a property {name[:60]!r} (at {where}) whose control characters"
                               " cannot be enforced; use printable names")


def _check_free_names(clean: Mapping[str, Any], where: str) -> None:
    """Names that are not listed can repeat in the output, and repeated names count once."""
    least = clean.get("minProperties", 0)
    if least > len(clean.get("required", ())) + 1:
        raise BadInput(f"the JSON Schema's minProperties {least} (at {where}) cannot be enforced: all but one of these"
                       " properties must be named in 'required'")


def _check_bounds(clean: Mapping[str, Any], where: str) -> None:
    """Between a whole number that is left out and a fraction next to it, the grammar would let the whole number in."""
    parts = [clean, *(part for part in clean.get("allOf", ()) if isinstance(part, dict))]
    given = {key: [part[key] for part in parts if key in part] for key in
             ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")}
    for left_out, side, others in (("exclusiveMinimum", 1, ("maximum", "exclusiveMaximum")),
                                   ("exclusiveMaximum", -1, ("minimum", "exclusiveMinimum"))):
        for bound, other in itertools.product(given[left_out], (value for key in others for value in given[key])):
            if bound == int(bound) and 0 < (other - bound) * side < 1 and clean.get("type") != "integer":
                raise BadInput(f"the JSON Schema's {left_out} {bound} beside {other} (at {where}) cannot be enforced: "
                               f"{int(bound)} would be let in; move the bound a little, as {bound + side / 1000}")


def _with_format(clean: dict[str, Any]) -> dict[str, Any]:
    """Formats whose everyday meaning is tighter than the grammar's are said as patterns."""
    name = clean.get("format")
    if name == "hostname":
        return {**clean, "maxLength": min(clean.get("maxLength", _MAX_HOSTNAME_CHARS), _MAX_HOSTNAME_CHARS)}
    if name not in _FORMAT_PATTERNS:
        return clean
    clean = {key: value for key, value in clean.items() if key != "format"}
    return {**clean, "allOf": [*clean.get("allOf", ()), {"pattern": _FORMAT_PATTERNS[name]}]}


@dataclass(frozen=True)
class _Ends:
    """Whether some finite JSON can satisfy a schema, as far as its own cycles go."""

    places: Mapping[str, Any]
    known: set[tuple[str, frozenset[str]]] = field(default_factory=set)

    def node(self, schema: Any, types: frozenset[str], within: frozenset[str]) -> bool:
        """`types` are those the schemas around leave; `within` the references this place is inside of."""
        if isinstance(schema, bool):
            return schema
        if "type" in schema:
            named = schema["type"]
            types &= frozenset([named] if isinstance(named, str) else named)
        if "$ref" in schema and not self._ref(schema["$ref"], types, within):
            return False
        if not all(self.node(item, types, within) for item in schema.get("allOf", ())):
            return False
        for choice in ("anyOf", "oneOf"):
            if choice in schema and not any(self.node(item, types, within) for item in schema[choice]):
                return False
        if "enum" in schema or "const" in schema or types - {"object", "array"}:
            return True
        return any(all(self.node(item, _TYPES, within) for item in needed)
                   for needed in (_needed[type_](schema) for type_ in types))

    def _ref(self, ref: str, types: frozenset[str], within: frozenset[str]) -> bool:
        if (ref, types) in self.known:
            return True
        if ref in within:
            return False
        ends = self.node(self.places[ref], types, within | {ref})
        if ends:
            self.known.add((ref, types))
        return ends


def _needed_members(schema: Mapping[str, Any]) -> Iterator[Any]:
    listed = schema.get("properties", {})
    return (listed.get(name, schema.get("additionalProperties", True)) for name in schema.get("required", ()))


def _needed_items(schema: Mapping[str, Any]) -> Iterator[Any]:
    least, listed = schema.get("minItems", 0), schema.get("prefixItems", [])
    yield from listed[:least]
    if least > len(listed):
        yield schema.get("items", True)


_needed: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Any]]] = {
    "object": _needed_members, "array": _needed_items}
