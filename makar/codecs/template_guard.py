"""A Jinja environment for templates nobody vouches for: no internals, and a budget of steps, characters and time.

Jinja's own sandbox closes the way to Python's internals, yet a template may still loop and grow values without end.
Here every loop turn, call, filter and operator spends from the budget of the current rendering before it does its work.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from typing import Any, NoReturn

from jinja2 import TemplateRuntimeError, nodes
from jinja2.ext import loopcontrols
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_STEPS = 200_000
MAX_TIME_S = 5.0
_MAX_DIGIT_BITS = 4096
_FILTERS = ("abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "int", "items",
            "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace",
            "reverse", "round", "safe", "select", "selectattr", "sort", "string", "title", "trim", "unique", "upper")
_GLOBALS = ("range", "dict", "namespace", "joiner", "cycler")
_SIZED = (str, list, tuple, dict)


class Budget:
    """What one rendering may still spend."""

    def __init__(self, max_chars: int) -> None:
        self.max_chars, self.num_chars, self.num_steps = max_chars, 0, 0
        self._until_s = time.monotonic() + MAX_TIME_S

    def step(self) -> None:
        """One unit of work."""
        self.num_steps += 1
        if self.num_steps > MAX_STEPS:
            raise TemplateRuntimeError(f"it takes more than {MAX_STEPS:,} steps")
        if time.monotonic() > self._until_s:
            raise TemplateRuntimeError(f"it takes more than {MAX_TIME_S:g} s")

    def emit(self, num_chars: int) -> None:
        """Text written, be it into a variable that is never shown."""
        self.num_chars += num_chars
        self.fits(self.num_chars)

    def fits(self, num_chars: int) -> None:
        """A value of that size is about to be made."""
        if num_chars > self.max_chars:
            raise TemplateRuntimeError(f"it makes more than {self.max_chars:,} characters")


_current: ContextVar[Budget] = ContextVar("makar_template_budget")


@contextmanager
def spending(budget: Budget) -> Iterator[None]:
    """Renderings inside the block spend from `budget`."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


class GuardedEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox with a budget. Templates see the names that chat templates use and no others."""

    intercepted_binops = frozenset(["+", "*", "**", "%"])

    def __init__(self) -> None:
        # constants are not folded: that would do a template's work before any budget is set
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols], optimized=False,
                         finalize=_emitted)
        self.filters = {name: _guarded_filter(self.filters[name]) for name in _FILTERS}
        self.filters |= {"replace": _replaced, "join": _joined, "tojson": _to_json}
        self.globals = {name: self.globals[name] for name in _GLOBALS} | {
            "raise_exception": _raise_exception, "strftime_now": _strftime_now}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        refused = next(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)), None)
        if refused is not None:
            raise TemplateRuntimeError("it wants to read another template")
        repeated: list[Any] = list(tree.find_all((nodes.For, nodes.Macro, nodes.CallBlock)))
        for node in repeated:
            node.body.insert(0, _spend_node(node))
        return _Concatenations().visit(tree).set_environment(self)

    def spend_turn(self, num_chars: int) -> None:
        """One loop turn or macro call, whose body holds that much literal text."""
        _current.get().step()
        _current.get().emit(num_chars)

    def concat_texts(self, *parts: Any) -> str:
        """What the operator ~ does."""
        texts = [str(part) for part in parts]
        _current.get().fits(sum(map(len, texts)))
        return "".join(texts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator whose result could be huge is refused before it is computed."""
        current = _current.get()
        current.step()
        if operator == "+" and isinstance(left, _SIZED) and isinstance(right, _SIZED):
            current.fits(len(left) + len(right))
        elif operator == "*":
            _check_product(current, left, right)
        elif operator == "**" or (operator == "%" and isinstance(left, (str, bytes))):
            raise TemplateRuntimeError(f"it uses the operator {operator}, which chat templates may not")
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls what the sandbox allows, refusing text methods that would make something huge."""
        current = _current.get()
        current.step()
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str):
            _check_text_method(current, owner, __obj.__name__, [*args, *kwargs.values()])
        return super().call(__context, __obj, *args, **kwargs)


class _Concatenations(NodeTransformer):
    """Turns `a ~ b` into a call that looks at the sizes first."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return nodes.Call(nodes.EnvironmentAttribute("concat_texts"), node.nodes, [], None, None, lineno=node.lineno)


def _spend_node(node: nodes.Node) -> nodes.Node:
    literal = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
    literal += sum(len(const.value) for const in node.find_all(nodes.Const) if isinstance(const.value, str))
    call = nodes.Call(nodes.EnvironmentAttribute("spend_turn"), [nodes.Const(literal)], [], None, None)
    return nodes.ExprStmt(call, lineno=node.lineno).set_lineno(node.lineno)


def _emitted(value: Any) -> Any:
    text = str(value)
    _current.get().emit(len(text))
    return text


def _check_product(current: Budget, left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _MAX_DIGIT_BITS:
            raise TemplateRuntimeError("it makes an absurdly large number")
        return
    for many, count in ((left, right), (right, left)):
        if isinstance(many, _SIZED) and isinstance(count, int):
            current.fits(len(many) * max(0, count))


def _check_text_method(current: Budget, owner: str, name: str, args: list[Any]) -> None:
    if name == "replace" and len(args) > 1:
        current.fits(_replaced_chars(owner, args[0], args[1]))
    elif name == "join" and args:
        current.fits(_joined_chars(owner, args[0]))
    elif name in ("center", "ljust", "rjust", "zfill", "expandtabs", "format", "format_map", "translate"):
        raise TemplateRuntimeError(f"it calls str.{name}, which chat templates may not")


def _replaced_chars(text: str, old: Any, new: Any) -> int:
    return len(text) + text.count(str(old)) * max(0, len(str(new)) - len(str(old)))


def _joined_chars(separator: str, parts: Any) -> int:
    if not isinstance(parts, (list, tuple, dict, str)):
        raise TemplateRuntimeError("it joins what is no list")
    return sum(len(str(part)) + len(separator) for part in parts)


def _guarded_filter(plain: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, each use of which spends a step; Jinja's marks on the function are kept."""
    @wraps(plain)
    def spend_and_filter(*args: Any, **named: Any) -> Any:
        _current.get().step()
        return plain(*args, **named)

    return spend_and_filter


def _replaced(text: Any, old: Any, new: Any) -> str:
    _current.get().fits(_replaced_chars(str(text), old, new))
    return str(text).replace(str(old), str(new))


def _joined(parts: Any, separator: str = "") -> str:
    listed = list(parts)
    _current.get().fits(_joined_chars(str(separator), listed))
    return str(separator).join(map(str, listed))


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None) -> str:
    """Not Jinja's own, which escapes for HTML."""
    if indent is not None and not 0 <= indent <= 16:
        raise TemplateRuntimeError(f"it indents JSON by {indent}")
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateRuntimeError(str(message))


def _strftime_now(pattern: str) -> str:
    if len(pattern) > 200:
        raise TemplateRuntimeError("its date pattern is too long")
    return datetime.now().strftime(pattern)
