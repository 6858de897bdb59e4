"""What the code room can be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from makar.kit.errors import BadInput
from makar.methods.autoregress import Runtime, Sampling

Task = Literal["write", "complete", "explain", "fix", "test", "doc"]
TASKS = ("write", "complete", "explain", "fix", "test", "doc")
MOST_CANDIDATES = 64
_NEEDS = {"write": "instruction", "explain": "source", "fix": "source", "test": "source", "doc": "source"}


@dataclass(frozen=True)
class CodeRequest:
    """A task on Python source.

    source: the code in question; for `write` an earlier attempt that failed, if there is one.
    error:  what is wrong with `source`: a traceback, or what failing tests say.
    prefix, suffix: for `complete` what stands before and after the gap; else `prefix` is how the answer begins, and
    what is made goes on from there.
    n: candidates; candidate i is drawn with the seed `sampling.seed + i`.
    runtime: how the model is run; its arithmetic and cache may round the answer differently.
    """

    task: Task
    model: str
    sampling: Sampling = field(default_factory=Sampling)
    source: str = ""
    instruction: str = ""
    tests: str = ""
    error: str = ""
    prefix: str = ""
    suffix: str = ""
    n: int = 1
    exact: bool = False
    runtime: Runtime = field(default_factory=Runtime)

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise BadInput(f"a code task is one of {', '.join(TASKS)}; got '{self.task}'")
        needed = _NEEDS.get(self.task)
        if needed is not None and not getattr(self, needed).strip():
            raise BadInput(f"the code task '{self.task}' needs '{needed}', not empty")
        if not 1 <= self.n <= MOST_CANDIDATES:
            raise BadInput(f"n is between 1 and {MOST_CANDIDATES}; got {self.n}")


def media_type(request: CodeRequest) -> str:
    """What the answer is: prose about code, the words of a docstring, or Python."""
    return {"explain": "text/markdown", "doc": "text/plain"}.get(request.task, "text/x-python")
