"""Settings by dotted path: what is set, and what is said of what cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from makar.kit.config import facts_in, from_json, replace_at, to_json
from makar.kit.errors import BadInput, UnknownName


@dataclass(frozen=True)
class Schedule:
    rate: float = 0.1
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    schedule: Schedule = field(default_factory=Schedule)
    size: int = 4


def test_a_part_is_set_and_comes_back_from_json() -> None:
    changed = replace_at(replace_at(Run(), "schedule.rate", "1"), "schedule.names", "a,b")
    assert changed == Run(Schedule(1.0, ("a", "b"))) == from_json(Run, to_json(changed))


@pytest.mark.parametrize(("name", "value", "said"), [
    ("schedule.rat", "1", "unknown setting 'schedule.rat'; did you mean 'schedule.rate'? "
                          "Known: schedule.names, schedule.rate"),
    ("sise", "1", "unknown setting 'sise'; did you mean 'size'? Known: schedule, size"),
    ("schedule.rate", "fast", "setting schedule.rate: expected float, got 'fast'"),
    ("schedule.rate.most", "1", "setting 'schedule.rate' has no parts; 'schedule.rate.most' goes too deep"),
])
def test_what_cannot_be_set_is_named_whole(name: str, value: str, said: str) -> None:
    with pytest.raises((BadInput, UnknownName)) as stop:
        replace_at(Run(), name, value)
    assert str(stop.value) == said


def test_facts_cannot_be_changed_and_are_an_object() -> None:
    found = facts_in('{"size": 4}')
    assert found == {"size": 4} and facts_in('{"size": 4}') is found
    with pytest.raises(TypeError):
        found["size"] = 5  # type: ignore[index]
    for text in ("[1, 2", "7"):
        with pytest.raises((ValueError, TypeError)):
            facts_in(text)
