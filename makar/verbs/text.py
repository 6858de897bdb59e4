"""`makar.text`: a prompt becomes text that has been checked, decided upon and recorded."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from makar.kit.config import from_json
from makar.kit.errors import BadInput
from makar.verbs.languages import NAMES, code_of

if TYPE_CHECKING:
    from makar.codecs.chat import Message
    from makar.ledger import Ledger
    from makar.methods.autoregress import Constraint, Runtime, Sampling
    from makar.provenance.released import Released
    from makar.provenance.work import Work

MOST_PROMPT_BYTES = 2_000_000
USUAL_ANSWER_TOK = 512


@dataclass(frozen=True)
class TextOptions:
    """How `makar.text` and `makar.chat` answer.

    max_tokens: None is 512, or what the context has left; a number is a promise and is refused where it cannot be kept.
    seed: None draws one, which is recorded.
    mark: draw so that the answer can be recognised by who has the key; also off where the policy says `marks = false`.
    n: candidates; candidate i is the one that the seed `seed + i` makes alone.
    json_schema: a schema as a mapping or as JSON text. At most one of json_schema, regex and choice.
    language: an ISO 639-1 code or an English name; the answer is asked for, and checked to be, in it.
    policy: `default`, `strict`, or the path of a TOML file.
    exact: the same bytes alone, in a batch, and with any prefix cached.
    arithmetic, cache_bits, threads, speculate: how the model is run; see `methods.autoregress.Runtime`.
    """

    model: str | None = None
    system: str | None = None
    max_tokens: int | None = None
    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.05
    seed: int | None = None
    mark: bool = True
    n: int = 1
    json_schema: Any = None
    regex: str | None = None
    choice: Any = None
    stop: Any = ()
    language: str | None = None
    policy: str = "default"
    exact: bool = False
    logprobs: int = 0
    arithmetic: str = "auto"
    cache_bits: int = 16
    threads: int | None = None
    speculate: bool = True


class TextSettings(TypedDict, total=False):
    """The fields of TextOptions as keywords."""

    model: str | None
    system: str | None
    max_tokens: int | None
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    repetition_penalty: float
    seed: int | None
    mark: bool
    n: int
    json_schema: Mapping[str, Any] | str | None
    regex: str | None
    choice: Sequence[str] | None
    stop: str | Sequence[str]
    language: str | None
    policy: str
    exact: bool
    logprobs: int
    arithmetic: str
    cache_bits: int
    threads: int | None
    speculate: bool


def text(prompt: str, *, ledger: Ledger | None = None, **settings: Unpack[TextSettings]) -> Released | list[Released]:
    """The model's answer to `prompt`, released; a list of them where `n` is more than one. See TextOptions.

    Raises: Withheld (with the reasons), BadInput, UnknownName, NoNetwork, Interrupted
    """
    return begin(prompt, options_of(settings), ledger=ledger).release()


def options_of(settings: Mapping[str, Any]) -> TextOptions:
    """Keywords as options, their names and types checked.

    Raises: UnknownName, BadInput
    """
    return from_json(TextOptions, settings)


def begin(prompt: str, options: TextOptions, *, ledger: Ledger | None = None) -> Work:
    """A work that is ready to be streamed or released; nothing has been generated yet.

    Raises: BadInput, UnknownName, NoNetwork
    """
    from makar.codecs.chat import Message

    messages = [Message("system", readable(options.system, "system"))] if options.system else []
    return begin_messages([*messages, Message("user", readable(prompt, "prompt"))], options, ledger=ledger)


def begin_messages(messages: Sequence[Message], options: TextOptions, *, ledger: Ledger | None = None) -> Work:
    """As `begin`, for a conversation that ends with the user's words.

    Raises: as `begin`
    """
    from makar import store
    from makar.codecs.chat import Message
    from makar.generate.load import load
    from makar.provenance.work import Work
    from makar.review.policy import load_policy
    from makar.rooms.text import ROOM, TextRequest
    from makar.rooms.text.request import fit

    policy, asked, constraint = load_policy(options.policy), asked_of(options), constraint_of(options)
    options = dataclasses.replace(options, mark=options.mark and policy.marks)
    last = Message(messages[-1].role, messages[-1].content + _instructions(options, asked))
    request = TextRequest(
        messages=(*messages[:-1], last), model=options.model or store.default_model(), sampling=sampling_of(options),
        constraint=constraint, n=options.n, language=asked.get("language"), exact=options.exact,
        runtime=runtime_of(options))
    request = fit(load(ROOM, request.model, request.runtime), request, may_clip=options.max_tokens is None)
    return Work(ROOM, request, policy=policy, ledger=ledger, asked=asked)


def readable(words: str, name: str, example: str = 'makar text "Write a haiku about rain"') -> str:
    """`words` if a model can read them.

    Raises: BadInput (empty, lone surrogates, NUL, too long)
    """
    if not isinstance(words, str):
        raise BadInput(f"the {name} is text; got {type(words).__name__}")
    try:
        size_bytes = len(words.encode())
    except UnicodeEncodeError as error:
        raise BadInput(f"the {name} is not valid text: character {error.start + 1} is a lone surrogate or a byte that "
                       "is not UTF-8; give it in UTF-8") from error
    if not words.strip():
        raise BadInput(f"the {name} is empty; say what you want, for example: {example}")
    if size_bytes > MOST_PROMPT_BYTES:
        raise BadInput(f"the {name} has {size_bytes:,} bytes; the most any prompt can have is {MOST_PROMPT_BYTES:,}; "
                       "shorten it or send it in parts")
    if "\0" in words:
        raise BadInput(f"the {name} looks binary: character {words.index(chr(0)) + 1} is NUL; give text in UTF-8")
    return words


def sampling_of(options: TextOptions) -> Sampling:
    """How tokens are drawn; a seed is made up where none was given.

    Raises: BadInput (out of range), Damaged (the key to mark with)
    """
    from makar.marks.key import current_key
    from makar.methods.autoregress import Sampling

    stop = (options.stop,) if isinstance(options.stop, str) else tuple(options.stop)
    return Sampling(
        max_tok=USUAL_ANSWER_TOK if options.max_tokens is None else options.max_tokens,
        temperature=options.temperature, top_p=options.top_p, top_k=options.top_k, min_p=options.min_p,
        repetition_penalty=options.repetition_penalty, stop=stop, logprobs=options.logprobs,
        seed=secrets.randbelow(2**31) if options.seed is None else options.seed,
        mark=current_key().id if options.mark and options.temperature != 0 else "")


def runtime_of(options: TextOptions) -> Runtime:
    """How the model is run.

    Raises: BadInput, UnknownName
    """
    from makar.methods.autoregress import Runtime

    return Runtime(options.arithmetic, options.cache_bits, options.threads, options.speculate)


def asked_of(options: TextOptions) -> dict[str, Any]:
    """The parts of the options that checks judge by.

    Raises: BadInput, UnknownName
    """
    asked: dict[str, Any] = {}
    if options.language is not None:
        asked["language"] = code_of(options.language)
    if options.json_schema is not None:
        asked["json_schema"] = _schema(options.json_schema)
    return asked


def constraint_of(options: TextOptions) -> Constraint | None:
    """The one form the answer is held to, if any.

    Raises: BadInput
    """
    from makar.methods.autoregress import Constraint

    given = [name for name in ("json_schema", "regex", "choice") if getattr(options, name) is not None]
    if len(given) > 1:
        raise BadInput(f"an answer can be held to one form; got {' and '.join(given)}")
    if options.json_schema is not None:
        return Constraint("json_schema", _written(_schema(options.json_schema)))
    if options.regex is not None:
        return Constraint("regex", options.regex)
    if options.choice is not None:
        return Constraint("choice", _written(_choices(options.choice)))
    return None


def _written(value: Any) -> str:
    """JSON in the order it was given: the properties of an answer come in the order of its schema.

    Raises: BadInput
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(f"the JSON Schema cannot be written as JSON: {error}") from error


def _choices(choice: Any) -> list[str]:
    choices = [choice] if isinstance(choice, str) else list(choice)
    if not choices or any(not isinstance(one, str) or not one for one in choices):
        raise BadInput("choice needs one or more answers, none of them empty")
    return choices


def _schema(schema: Any) -> Mapping[str, Any]:
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except json.JSONDecodeError as error:
            raise BadInput(f"the JSON Schema is not JSON: {error.msg} at line {error.lineno}, column "
                           f"{error.colno}") from error
    if not isinstance(schema, Mapping):
        raise BadInput(f"a JSON Schema is an object; got {type(schema).__name__}")
    return schema


def _instructions(options: TextOptions, asked: Mapping[str, Any]) -> str:
    """What was asked beside the prompt, in words: a model held to a form that it was not told of answers worse."""
    lines = []
    if "language" in asked:
        lines.append(f"Answer in {NAMES[asked['language']]}.")
    if "json_schema" in asked:
        lines.append(f"Answer with JSON that fits this JSON Schema: {_written(asked['json_schema'])}")
    if options.choice is not None:
        lines.append(f"Answer with one of: {', '.join(_choices(options.choice))}")
    return "".join(f"\n\n{line}" for line in lines)
