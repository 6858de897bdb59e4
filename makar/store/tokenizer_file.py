"""What the parts of a `tokenizer.json` (Hugging Face `tokenizers` format) look like for the vocabularies we read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
_LLAMA3 = _QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
SPACE = "▁"

END_NAMES = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<|eom_id|>")
FIM_NAMES = {"prefix": ("<|fim_prefix|>", "<fim_prefix>", "<fim-prefix>", "▁<PRE>"),
             "suffix": ("<|fim_suffix|>", "<fim_suffix>", "<fim-suffix>", "▁<SUF>"),
             "middle": ("<|fim_middle|>", "<fim_middle>", "<fim-middle>", "▁<MID>")}
FIM_STOP_NAMES = ("<|fim_pad|>", "<fim_pad>", "<fim-pad>", "<|file_sep|>", "<|file_separator|>", "<file_sep>",
                  "<|repo_name|>", "<repo_name>", "<reponame>", "▁<EOT>")


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer ready to be written, and the ids that have a meaning."""

    tokenizer: Mapping[str, Any]
    bos_id: int | None
    add_bos: bool
    eos_ids: tuple[int, ...]
    fim: Mapping[str, Any] | None
    chat_template: str
    notes: tuple[str, ...] = ()


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _byte_level(use_regex: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def _sequence(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(parts)}


_DIGITS = {"type": "Digits", "individual_digits": True}
# name -> (pre-tokenizer, normalizer, ignore_merges), as in the published tokenizer.json of the models that use it
PRE_TOKENIZERS: dict[str, tuple[dict[str, Any], dict[str, Any] | None, bool]] = {
    "gpt-2": (_byte_level(use_regex=True), None, False),
    "smollm": (_sequence(_DIGITS, _byte_level(use_regex=True)), None, False),
    "qwen2": (_sequence(_split(_QWEN2), _byte_level(use_regex=False)), {"type": "NFC"}, False),
    "deepseek-r1-qwen": (_sequence(_split(_QWEN2), _byte_level(use_regex=False)), None, False),
    "llama-bpe": (_sequence(_split(_LLAMA3), _byte_level(use_regex=False)), None, True),
}


def looks_special(content: str) -> bool:
    """Whether a token's name says that it is a control token, even where its file forgot to mark it."""
    return content.startswith("<|") and content.endswith("|>")


def added_token(id: int, content: str, *, special: bool) -> dict[str, Any]:
    """An entry of `added_tokens`: matched in the text as it stands, before anything else."""
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": special}


def _tokenizer(model: Mapping[str, Any], added: Iterable[Mapping[str, Any]], pre: object, normalizer: object,
               decoder: object) -> dict[str, Any]:
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added),
            "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": None, "decoder": decoder,
            "model": dict(model)}


def byte_level_tokenizer(vocab: Mapping[str, int], merges: Sequence[tuple[str, str]], pre: str,
                         added: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A byte-level BPE tokenizer of that pre-tokenizer name."""
    split, normalizer, ignore_merges = PRE_TOKENIZERS[pre]
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": ignore_merges,
             "vocab": vocab, "merges": [list(pair) for pair in merges]}
    return _tokenizer(model, added, split, normalizer, _byte_level(use_regex=True))


def sentencepiece_tokenizer(vocab: Mapping[str, int], merges: Sequence[tuple[str, str]], unknown: str | None,
                            added: Iterable[Mapping[str, Any]], *, add_space: bool) -> dict[str, Any]:
    """A SentencePiece BPE tokenizer with byte fallback, as Llama 2 has."""
    model = {"type": "BPE", "dropout": None, "unk_token": unknown, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
             "vocab": vocab, "merges": [list(pair) for pair in merges]}
    spaces: dict[str, Any] = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    steps = [{"type": "Prepend", "prepend": SPACE}] * add_space + [spaces]
    decoders: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]
    if add_space:
        decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return _tokenizer(model, added, None, {"type": "Sequence", "normalizers": steps},
                      {"type": "Sequence", "decoders": decoders})


def fim_ids(by_name: Mapping[str, int], given: Mapping[str, int]) -> dict[str, Any] | None:
    """The fill-in-the-middle ids: those the file gives, else those of the well-known names; None if any lacks."""
    found: dict[str, Any] = {}
    for role, names in FIM_NAMES.items():
        known = [given[role]] if role in given else [by_name[name] for name in names if name in by_name]
        if not known:
            return None
        found[role] = known[0]
    stops = {by_name[name] for name in FIM_STOP_NAMES if name in by_name} | set(found.values())
    return found | {"stop": sorted(stops)}
