"""A code request as words for a chat model, and how its answer is made to begin and end.

Small models keep to code when their answer already stands inside an opened block: the block is opened for them, and
its closing fence ends the answer. So what is made is the code itself and nothing has to be cut out of prose.
"""

from __future__ import annotations

from dataclasses import dataclass

from makar.rooms.code.request import CodeRequest

FENCE = "```python\n"
_CODE_STOP: tuple[str, ...] = ("\n```",)
# With tests at hand, what small models add behind the code they were asked for.
_AFTER_CODE = ("\nassert ", "\nprint(", "\ndef test_", "\n# Test", "\n# Example", "\nif __name__")


@dataclass(frozen=True)
class Prompt:
    """What the user says, how the answer begins, and what ends it."""

    words: str
    opening: str
    stop: tuple[str, ...]


def prompt(request: CodeRequest) -> Prompt:
    """The prompt of every task but `complete`."""
    build = {"write": _write, "explain": _explain, "fix": _fix, "test": _test, "doc": _doc}[request.task]
    if request.task == "explain":
        return Prompt(build(request), request.prefix, ())
    stop: tuple[str, ...] = ('"""',) if request.task == "doc" else _CODE_STOP
    if request.task == "write" and request.tests:
        stop += _AFTER_CODE
    return Prompt(build(request), FENCE + request.prefix, stop)


def _block(code: str) -> str:
    return f"{FENCE}{code.strip(chr(10))}\n```"


def _write(request: CodeRequest) -> str:
    parts = [f"Write Python code for this task:\n{request.instruction.strip()}"]
    if request.tests:
        parts.append(f"It must pass these tests:\n{_block(request.tests)}\nDefine the names that the tests use; take "
                     "and return values of exactly the types seen in the tests.")
    if request.source:
        parts.append(f"This attempt is wrong:\n{_block(request.source)}")
    if request.error:
        parts.append(f"It fails so:\n```\n{request.error.strip()}\n```\nFind the mistake and write the corrected code.")
    parts.append("Answer with one block of complete Python code, as simple as can be, with type hints and short "
                 "docstrings. No tests, no examples of use, no input or printing unless the task asks for it.")
    return "\n\n".join(parts)


def _explain(request: CodeRequest) -> str:
    what = f"`{request.instruction}` in this code" if request.instruction else "this Python code"
    return (f"Explain what {what} does, for a programmer who sees it for the first time: first its purpose in one or "
            "two sentences, then how it works step by step, then anything that could surprise, such as edge cases or "
            f"mistakes. Be exact and brief; do not repeat the code.\n\n{_block(request.source)}")


def _fix(request: CodeRequest) -> str:
    parts = [f"This Python code has a mistake:\n{_block(request.source)}"]
    if request.tests:
        parts.append(f"It should pass this test:\n{_block(request.tests)}")
    if request.error:
        parts.append(f"What goes wrong:\n```\n{request.error.strip()}\n```")
    if request.instruction:
        parts.append(request.instruction.strip())
    parts.append("Correct the mistake and change nothing else. Answer with one block: the complete corrected code.")
    return "\n\n".join(parts)


def _test(request: CodeRequest) -> str:
    parts = [f"Write pytest tests for {request.instruction or 'this Python code'}:\n{_block(request.source)}"]
    if request.error:
        parts.append(f"Some earlier tests were wrong about what the code does; do not repeat them:\n"
                     f"```\n{request.error.strip()}\n```")
    parts.append("Write short test functions, each checking one thing with plain asserts: an ordinary case, edge "
                 "cases, and invalid input where the code raises. Work out each expected value from the code "
                 "step by step before you write it. Answer with one block of Python code.")
    return "\n\n".join(parts)


def _doc(request: CodeRequest) -> str:
    return (f"Write the docstring of {request.instruction or 'this Python code'}:\n{_block(request.source)}\n\n"
            "One summary line that says what it does or returns, in the imperative, ending with a full stop; then, "
            "only where the names do not say it, an empty line and what callers must know: arguments, result, "
            "exceptions. Do not change the code and do not tell how it is implemented.")
