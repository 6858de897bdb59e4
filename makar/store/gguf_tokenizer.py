"""The tokenizer inside GGUF metadata -> a `tokenizer.json` that encodes as the model's own tokenizer does."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from makar.kit.errors import BadInput, Damaged
from makar.store.tokenizer_file import (
    END_NAMES,
    PRE_TOKENIZERS,
    Vocabulary,
    added_token,
    byte_level_tokenizer,
    fim_ids,
    sentencepiece_tokenizer,
)

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
# names that different writers give to the same rule
_SAME = {"gpt2": "gpt-2", "llama3": "llama-bpe", "llama-v3": "llama-bpe", "starcoder": "smollm", "refact": "smollm",
         "qwen25": "qwen2", "qwen3": "qwen2"}
_FIM_KEYS = {"prefix": ("fim_pre_token_id", "prefix_token_id"), "suffix": ("fim_suf_token_id", "suffix_token_id"),
             "middle": ("fim_mid_token_id", "middle_token_id")}


def read_vocabulary(metadata: Mapping[str, Any], family: str, vocab_size: int) -> Vocabulary:
    """Builds the tokenizer and finds the ids with a meaning.

    Raises: BadInput (an unknown kind of tokenizer), Damaged
    """
    keys = {key.removeprefix("tokenizer.ggml."): value for key, value in metadata.items()
            if key.startswith("tokenizer.")}
    tokens, types = _tokens(keys, vocab_size)
    by_name = {token: id for id, token in enumerate(tokens)}
    unused = {token for token, kind in zip(tokens, types, strict=True) if kind == UNUSED}  # padding, mostly
    added = [added_token(id, tokens[id], special=kind != USER_DEFINED) for id, kind in enumerate(types)
             if kind in (CONTROL, USER_DEFINED, UNKNOWN) and tokens[id]]
    notes: list[str] = []
    kind = keys.get("model")
    if kind == "gpt2":
        pre = _pre_name(keys.get("pre"), family, notes)
        merges = _merges(keys, by_name)
        unused -= {part for left, right in merges for part in (left, right, left + right)}
        tokenizer = byte_level_tokenizer(_without(by_name, unused), merges, pre, added)
    elif kind == "llama":
        tokenizer = _sentencepiece(keys, tokens, types, _without(by_name, unused), added)
    else:
        raise BadInput(f"its tokenizer is of the kind '{kind}'; Makar reads gpt2 (byte-level BPE) and llama "
                       "(SentencePiece BPE)")
    controls = {tokens[id]: id for id, kind in enumerate(types) if kind in (CONTROL, USER_DEFINED)}
    bos_id = _id(keys, "bos_token_id", vocab_size)
    return Vocabulary(tokenizer, bos_id, bool(keys.get("add_bos_token", kind == "llama")) and bos_id is not None,
                      _eos_ids(keys, controls, vocab_size), _fim(keys, controls, vocab_size),
                      str(keys.get("tokenizer.chat_template", "")), tuple(notes))


def _without(by_name: Mapping[str, int], unused: Collection[str]) -> dict[str, int]:
    return {token: id for token, id in by_name.items() if token not in unused}


def _tokens(keys: Mapping[str, Any], vocab_size: int) -> tuple[list[str], list[int]]:
    tokens = keys.get("tokens")
    if not isinstance(tokens, list) or not tokens or not isinstance(tokens[0], str):
        raise BadInput("the file has no tokenizer (metadata key 'tokenizer.ggml.tokens'); use a file that has one")
    types = keys.get("token_type", [NORMAL] * len(tokens))
    if not isinstance(types, list) or len(types) != len(tokens) or len(tokens) > vocab_size:
        raise Damaged(f"the tokenizer has {len(tokens):,} tokens for an embedding of {vocab_size:,} rows; "
                      "the file is damaged")
    if len(set(tokens)) != len(tokens):
        raise Damaged("two tokens of the tokenizer are the same text; the file is damaged")
    return tokens, types


def _pre_name(given: object, family: str, notes: list[str]) -> str:
    name = _SAME.get(str(given), str(given))
    if name in PRE_TOKENIZERS:
        return name
    if given is None or given == "default":
        guess = "qwen2" if family.startswith("qwen") else "gpt-2"
        notes.append(f"the file names no pre-tokenizer; '{guess}' was taken, as {family} models have")
        return guess
    raise BadInput(f"its pre-tokenizer '{given}' is not known; Makar knows {', '.join(sorted(PRE_TOKENIZERS))}")


def _merges(keys: Mapping[str, Any], by_name: Mapping[str, int]) -> list[tuple[str, str]]:
    merges, lines = [], keys.get("merges")
    if not isinstance(lines, list):
        raise Damaged("the byte-level tokenizer has no list of merge rules; the file is damaged")
    for line in lines:
        left, space, right = str(line).partition(" ") if not str(line).startswith(" ") else ("", "", "")
        if not space or left not in by_name or right not in by_name or left + right not in by_name:
            raise Damaged(f"merge rule {line!r:.80} of the tokenizer names a token it does not have")
        merges.append((left, right))
    return merges


def _sentencepiece(keys: Mapping[str, Any], tokens: list[str], types: list[int], by_name: Mapping[str, int],
                   added: list[dict[str, Any]]) -> dict[str, Any]:
    scores = keys.get("scores")
    if not isinstance(scores, list) or len(scores) != len(tokens):
        raise Damaged("the SentencePiece tokenizer has no score for each token; the file is damaged")
    ordinary = {token: scores[id] for id, (token, kind) in enumerate(zip(tokens, types, strict=True))
                if kind == NORMAL}
    unknown = next((tokens[id] for id, kind in enumerate(types) if kind == UNKNOWN), None)
    return sentencepiece_tokenizer(by_name, merges_from_scores(ordinary, by_name), unknown, added,
                                   add_space=bool(keys.get("add_space_prefix", True)))


def merges_from_scores(scores: Mapping[str, float], ids: Mapping[str, int]) -> list[tuple[str, str]]:
    """Every way two pieces make a piece, best score first: SentencePiece merges the pair whose piece scores best."""
    rules = []
    for piece, score in scores.items():
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in scores and right in scores:
                rules.append((-score, ids[piece], ids[left], left, right))
    rules.sort(key=lambda rule: rule[:3])
    return [(left, right) for *_, left, right in rules]


def _id(keys: Mapping[str, Any], key: str, vocab_size: int) -> int | None:
    value = keys.get(key)
    return value if isinstance(value, int) and 0 <= value < vocab_size else None


def _eos_ids(keys: Mapping[str, Any], controls: Mapping[str, int], vocab_size: int) -> tuple[int, ...]:
    given = [_id(keys, key, vocab_size) for key in ("eos_token_id", "eot_token_id", "eom_token_id")]
    named = [controls.get(name) for name in END_NAMES]
    return tuple(dict.fromkeys(id for id in given + named if id is not None))


def _fim(keys: Mapping[str, Any], controls: Mapping[str, int], vocab_size: int) -> dict[str, Any] | None:
    given = {}
    for role, names in _FIM_KEYS.items():
        ids = [_id(keys, name, vocab_size) for name in names]
        if known := [id for id in ids if id is not None]:
            given[role] = known[0]
    return fim_ids(controls, given)
