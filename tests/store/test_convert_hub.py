"""Hub folders: one file or shards, templates and ids, what is refused, and what is damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import convert_sources as sources
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_torch

from makar.codecs.bpe import Tokenizer
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.store.convert import convert


def hub(tmp_path: Path, **changes: Any) -> Path:
    return sources.write_hub(tmp_path / "hub", sources.hub_weights(), sources.hub_config(**changes))


def test_shards_convert_as_one_file_does(tmp_path: Path) -> None:
    weights = sources.hub_weights()
    whole = sources.write_hub(tmp_path / "whole", weights, sources.hub_config())
    parts = sources.write_hub(tmp_path / "parts", weights, sources.hub_config())
    (parts / "model.safetensors").unlink()
    names = sorted(weights)
    places = {name: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, name in enumerate(names)}
    for file in set(places.values()):
        save_file({name: weights[name] for name in names if places[name] == file}, parts / file)
    (parts / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    convert(whole, tmp_path / "a")
    convert(parts, tmp_path / "b")
    assert (tmp_path / "a/weights.safetensors").read_bytes() == (tmp_path / "b/weights.safetensors").read_bytes()
    (parts / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(NotHere, match="model-00002-of-00002"):
        convert(parts, tmp_path / "c")


def test_bfloat16_weights_are_kept_bit_for_bit(tmp_path: Path) -> None:
    weights = {name: torch.from_numpy(weight).to(torch.bfloat16) for name, weight in sources.hub_weights().items()}
    folder = hub(tmp_path)
    save_torch(weights, folder / "model.safetensors")
    convert(folder, tmp_path / "native")
    native = load_file(tmp_path / "native/weights.safetensors")
    assert torch.equal(native["blocks.0.mlp.down.weight"], weights["model.layers.0.mlp.down_proj.weight"])
    assert native["norm.weight"].dtype == torch.float32


def test_template_ids_and_tokenizer_come_along(tmp_path: Path) -> None:
    folder = hub(tmp_path)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [257, 258]}))
    convert(folder, tmp_path / "native")
    model = json.loads((tmp_path / "native/model.json").read_text())
    end, text_end = sources.TOKENS.index("<|im_end|>"), sources.TOKENS.index("<|endoftext|>")
    assert set(model["eos_ids"]) == {end, text_end, 257, 258} and model["eos_ids"][0] == end
    assert (tmp_path / "native/chat_template.jinja").read_text() == sources.TEMPLATE
    tokenizer = Tokenizer.open(tmp_path / "native")
    assert len(tokenizer.encode("the the the the the")) == 6  # the hub's truncation to four tokens is gone
    assert sources.TOKENS.index("<|fim_prefix|>") in tokenizer.special_ids  # though its file does not say so
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    convert(folder, tmp_path / "native")
    assert (tmp_path / "native/chat_template.jinja").read_text() == "{{ messages }}"


def test_no_template_means_no_file(tmp_path: Path) -> None:
    folder = hub(tmp_path)
    (folder / "tokenizer_config.json").unlink()
    convert(folder, tmp_path / "native")
    assert sorted(path.name for path in (tmp_path / "native").iterdir()) == ["model.json", "tokenizer.json",
                                                                            "weights.safetensors"]


@pytest.mark.parametrize(("changes", "words"), [
    ({"model_type": "mixtral"}, "'mixtral' cannot be converted; Makar knows llama, qwen2, qwen3"),
    ({"num_local_experts": 8}, "mixture of experts"),
    ({"quantization_config": {"quant_method": "awq"}}, "quantised in the hub's own way"),
    ({"use_sliding_window": True, "sliding_window": 32, "max_window_layers": 1}, "sliding-window"),
    ({"layer_types": ["sliding_attention", "full_attention"]}, "sliding-window"),
    ({"attn_logit_softcapping": 50.0}, "softcapping"),
    ({"hidden_act": "gelu"}, "gelu"),
    ({"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}, "dynamic"),
    ({"rope_scaling": {"rope_type": "longrope", "factor": 2.0}}, "longrope"),
    ({"rope_scaling": {"rope_type": "yarn", "factor": -1}}, "factor -1"),
    ({"rope_scaling": "big"}, "should be an object"),
    ({"num_hidden_layers": "2"}, "num_hidden_layers is '2'"),
    ({"num_hidden_layers": 10**9}, "num_layers is"),
    ({"num_hidden_layers": 1}, "has no place"),
    ({"hidden_size": 128}, "has shape"),
    ({"rms_norm_eps": None}, "norm_eps is None"),
])
def test_configurations_that_cannot_be_kept_are_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises((BadInput, Damaged), match=words) as caught:
        convert(hub(tmp_path, **changes), tmp_path / "native")
    assert "\n" not in str(caught.value) and not (tmp_path / "native").exists()


def test_unused_sliding_window_is_no_obstacle(tmp_path: Path) -> None:
    convert(hub(tmp_path, use_sliding_window=False, sliding_window=32), tmp_path / "native")
    assert (tmp_path / "native/model.json").exists()


@pytest.mark.parametrize(("scaling", "expected"), [
    (None, None), ({"rope_type": "default"}, None),
    ({"type": "linear", "factor": 2.0}, {"type": "linear", "factor": 2.0}),
    ({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
      "original_max_position_embeddings": 64},
     {"type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_context_tok": 64}),
    ({"type": "yarn", "factor": 1.0, "original_max_position_embeddings": 64},
     {"type": "yarn", "factor": 1.0, "original_context_tok": 64, "beta_fast": 32.0, "beta_slow": 1.0,
      "attention_factor": 1.0})])
def test_rope_scaling_is_kept(tmp_path: Path, scaling: object, expected: object) -> None:
    convert(hub(tmp_path, rope_scaling=scaling), tmp_path / "native")
    assert json.loads((tmp_path / "native/model.json").read_text())["architecture"]["rope_scaling"] == expected


def test_pickles_and_missing_files_are_named(tmp_path: Path) -> None:
    folder = hub(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BadInput, match=r"pytorch_model\.bin' holds pickled weights"):
        convert(folder, tmp_path / "native")
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(NotHere, match=r"no \.safetensors file"):
        convert(folder, tmp_path / "native")
    with pytest.raises(NotHere, match=r"config\.json"):
        convert(tmp_path, tmp_path / "native")


def test_an_index_cannot_point_outside_the_folder(tmp_path: Path) -> None:
    folder = hub(tmp_path)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": "../hub/model.safetensors"}}))
    with pytest.raises(BadInput, match=r"expected a \.safetensors file beside it"):
        convert(folder, tmp_path / "native")


def _header(path: Path, **changes: Any) -> None:
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    header["model.norm.weight"] |= changes
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length:])


@pytest.mark.parametrize(("changes", "words"), [
    ({"data_offsets": [0, 2**62]}, "cut short or damaged"), ({"data_offsets": [-256, 0]}, "cut short or damaged"),
    ({"shape": [2**40, 2**40]}, "cut short or damaged"), ({"shape": [-4, -16]}, "cannot be read"),
    ({"shape": "x"}, "cannot be read"), ({"dtype": "F8_E4M3"}, "F8_E4M3; Makar reads F32, F16, BF16"),
    ({"data_offsets": None}, "cannot be read")])
def test_headers_that_lie_are_caught(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    folder = hub(tmp_path)
    _header(folder / "model.safetensors", **changes)
    with pytest.raises((BadInput, Damaged), match=words):
        convert(folder, tmp_path / "native")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("text", ["", "[1]", '{"a"', '"x"', "[" * 100_000])
def test_json_files_that_are_damaged_are_named(tmp_path: Path, name: str, text: str) -> None:
    folder = hub(tmp_path)
    (folder / name).write_text(text)
    with pytest.raises(Damaged, match=name):
        convert(folder, tmp_path / "native")


@pytest.mark.parametrize("keep_bytes", [0, 4, 8, 100, 5000, -1])
def test_weights_cut_short_are_damaged(tmp_path: Path, keep_bytes: int) -> None:
    folder = hub(tmp_path)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep_bytes])
    with pytest.raises(Damaged):
        convert(folder, tmp_path / "native")


def test_a_tokenizer_larger_than_the_embedding_is_refused(tmp_path: Path) -> None:
    weights = sources.hub_weights()
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        weights[name] = np.ascontiguousarray(weights[name][:-1])
    folder = sources.write_hub(tmp_path / "hub", weights, sources.hub_config(vocab_size=len(sources.TOKENS) - 1))
    with pytest.raises(Damaged, match="do not belong together"):
        convert(folder, tmp_path / "native")
