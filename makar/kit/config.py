"""The one configuration mechanism: frozen dataclasses, edited by dotted path, saved as JSON."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from makar.kit.errors import BadInput, UnknownName

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Dataclasses, tuples, sets and mappings as plain JSON values, in field order."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(to_json(item) for item in value)
    return value


@functools.lru_cache(maxsize=8)
def facts_in(text: str) -> Mapping[str, Any]:
    """A JSON object, which nobody may change: a text that was read just now is not taken apart again.

    Raises: ValueError, TypeError (no object)
    """
    return types.MappingProxyType(dict(json.loads(text)))


def canonical(value: Any) -> str:
    """JSON with one spelling per value: sorted keys, no spaces, no escapes beyond the needed, no NaN."""
    return json.dumps(to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def from_json(cls: type[T], data: Mapping[str, Any], *, path: str = "") -> T:
    """Builds the dataclass `cls`, converting nested dataclasses, tuples and optionals.

    Raises: UnknownName (a key `cls` does not have), BadInput (missing or of another type)
    """
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in data:
        if key not in fields:
            raise UnknownName("setting", f"{path}{key}", [f"{path}{name}" for name in fields])
    missing = [name for name, f in fields.items() if name not in data
               and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING]
    if missing:
        raise BadInput(f"missing setting {', '.join(path + name for name in missing)}")
    return cls(**{key: _convert(hints[key], item, f"{path}{key}") for key, item in data.items()})


def replace_at(config: T, dotted: str, value: Any, *, path: str = "") -> T:
    """A copy of `config` in which the field at `dotted` (`a.b.c`) is `value` (text is parsed as JSON where it can be).

    Raises: UnknownName, BadInput
    """
    head, _, rest = dotted.partition(".")
    names = [f.name for f in dataclasses.fields(config)]  # type: ignore[arg-type]
    if head not in names:
        raise UnknownName("setting", f"{path}{head}", [f"{path}{name}" for name in names])
    if rest:
        inner = getattr(config, head)
        if not dataclasses.is_dataclass(inner):
            raise BadInput(f"setting '{path}{head}' has no parts; '{path}{dotted}' goes too deep")
        new = replace_at(inner, rest, value, path=f"{path}{head}.")
    else:
        hint = typing.get_type_hints(type(config))[head]
        new = _convert(hint, _parse(value) if isinstance(value, str) and hint is not str else value, f"{path}{head}")
    return dataclasses.replace(config, **{head: new})  # type: ignore[type-var]


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _convert(hint: Any, value: Any, path: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return _convert(next(arg for arg in args if arg is not type(None)), value, path)
    if origin is typing.Literal:
        if value not in args:
            raise UnknownName(path, str(value), [str(arg) for arg in args])
        return value
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return from_json(typing.cast(type, hint), value, path=f"{path}.")
    if origin is tuple:
        inner = args[0] if len(args) == 2 and args[1] is Ellipsis else None
        if isinstance(value, str):  # `a,b` on a command line
            value = [part if inner is str else _parse(part) for part in value.split(",") if part]
        if not isinstance(value, (list, tuple)):
            raise BadInput(f"setting {path}: expected a list, got {value!r}")
        return tuple(_convert(inner or args[i], item, f"{path}[{i}]") for i, item in enumerate(value))
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, Mapping):
            raise BadInput(f"setting {path}: expected a table of names and values, got {value!r:.80}")
        return dict(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and (not isinstance(value, hint) or (hint is int and isinstance(value, bool))):
        raise BadInput(f"setting {path}: expected {hint.__name__}, got {value!r}")
    return value
