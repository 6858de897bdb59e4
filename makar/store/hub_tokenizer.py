"""A hub folder's `tokenizer.json` and what goes with it -> the same tokenizer, and the ids that have a meaning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import tokenizers

from makar.kit.errors import BadInput, Damaged, NotHere
from makar.kit.files import read_text
from makar.store.safetensors_folder import SafetensorsFolder
from makar.store.tokenizer_file import END_NAMES, Vocabulary, fim_ids, looks_special

_MAX_TEMPLATE_BYTES = 1_000_000


def read_vocabulary(folder: SafetensorsFolder, vocab_size: int) -> Vocabulary:
    """The tokenizer as the hub has it, except that nothing cuts or pads, and names like `<|...|>` are control tokens.

    Raises: NotHere, BadInput, Damaged
    """
    tokenizer = folder.optional("tokenizer.json")
    if not tokenizer:
        raise NotHere(f"'{folder.folder}' has no tokenizer.json; fetch that file too")
    model = tokenizer.get("model")
    if not isinstance(model, dict) or model.get("type") != "BPE":
        kind = model.get("type") if isinstance(model, dict) else model
        raise BadInput(f"'{folder.folder}': the tokenizer's model is '{kind}'; Makar reads BPE")
    tokenizer |= {"truncation": None, "padding": None}
    tokenizer["added_tokens"] = _added_tokens(tokenizer.get("added_tokens") or [], folder)
    engine = _engine(tokenizer, folder)
    if (decoder := tokenizer.get("decoder")) is not None and not _says_what_it_is(decoder):
        raise Damaged(f"'{folder.folder}/tokenizer.json' cannot be read (decoder {decoder!r:.80}); fetch it again")
    if engine.get_vocab_size() > vocab_size:
        raise Damaged(f"'{folder.folder}': the tokenizer has {engine.get_vocab_size():,} tokens for an embedding of "
                      f"{vocab_size:,} rows; the files do not belong together")
    settings = folder.optional("tokenizer_config.json")
    bos_id = _bos_id(settings, folder.config, engine)
    controls = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    adds = settings.get("add_bos_token")
    adds = bos_id in engine.encode("").ids if adds is None else adds
    return Vocabulary(tokenizer, bos_id, bool(adds) and bos_id is not None,
                      _eos_ids(folder, settings, engine, controls), fim_ids(controls, {}),
                      _template(folder, settings))


def _added_tokens(given: object, folder: SafetensorsFolder) -> list[dict[str, Any]]:
    added: list[dict[str, Any]] = []
    tokens: list[Any] = given if isinstance(given, list) else [given]
    for token in tokens:
        match token:
            case {"id": int(), "content": str(content), "special": bool(special)}:
                added.append({**token, "special": special or looks_special(content)})
            case _:
                raise Damaged(f"'{folder.folder}/tokenizer.json' cannot be read (added token {token!r:.80})")
    return added


def _engine(tokenizer: Mapping[str, Any], folder: SafetensorsFolder) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_str(json.dumps(tokenizer))
    except Exception as error:  # the library raises bare Exception on whatever it cannot read
        raise Damaged(f"'{folder.folder}/tokenizer.json' cannot be read ({error!s:.120}); fetch it again") from error


def _says_what_it_is(decoder: Any) -> bool:
    """The library also takes decoders without a type, such as a bare list; what bytes they give nobody can know."""
    match decoder:
        case {"type": "Sequence", "decoders": list(steps)}:
            return all(map(_says_what_it_is, steps))
        case {"type": str()}:
            return True
    return False


def _named(settings: Mapping[str, Any], key: str) -> str | None:
    """A token named in tokenizer_config.json: plain text or an object with `content`."""
    value = settings.get(key)
    value = value.get("content") if isinstance(value, dict) else value
    return value if isinstance(value, str) else None


def _bos_id(settings: Mapping[str, Any], config: Mapping[str, Any], engine: tokenizers.Tokenizer) -> int | None:
    name = _named(settings, "bos_token")
    found = engine.token_to_id(name) if name is not None else config.get("bos_token_id")
    return found if isinstance(found, int) and 0 <= found < engine.get_vocab_size() else None


def _eos_ids(folder: SafetensorsFolder, settings: Mapping[str, Any], engine: tokenizers.Tokenizer,
             controls: Mapping[str, int]) -> tuple[int, ...]:
    found: list[Any] = []
    if (name := _named(settings, "eos_token")) is not None:
        found.append(engine.token_to_id(name))
    for source in (folder.optional("generation_config.json"), folder.config):
        given = source.get("eos_token_id")
        found += given if isinstance(given, list) else [given]
    found += [controls.get(name) for name in END_NAMES]
    size = engine.get_vocab_size()
    return tuple(dict.fromkeys(id for id in found if isinstance(id, int) and 0 <= id < size))


def _template(folder: SafetensorsFolder, settings: Mapping[str, Any]) -> str:
    path = folder.folder / "chat_template.jinja"
    if path.exists():
        return read_text(path, limit_bytes=_MAX_TEMPLATE_BYTES)
    given = settings.get("chat_template", "")
    for entry in given if isinstance(given, list) else ():  # several, by name
        match entry:
            case {"name": "default", "template": str(template)}:
                given = template
    return given if isinstance(given, str) else ""
