"""GGUF conversion: every quantisation, the order of rows, what is refused, and that nothing half-made stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import convert_sources as sources
import numpy as np
import pytest
import torch
from gguf.constants import GGMLQuantizationType as Kind
from safetensors.torch import load_file

from makar.kit.errors import BadInput, Damaged, MakarError, NotHere
from makar.store.convert import convert
from makar.store.gguf_config import llama3_divisors


def converted(source: Path, dtype: str = "float32") -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    folder = source.parent / "native"
    convert(source, folder, dtype=dtype)
    return load_file(folder / "weights.safetensors"), json.loads((folder / "model.json").read_text())


def test_rows_of_q_and_k_come_back_as_the_hub_has_them(tmp_path: Path) -> None:
    weights = sources.hub_weights()
    native, model = converted(sources.write_gguf(tmp_path / "m.gguf", weights))
    for name, expected in weights.items():
        if name.startswith("model.layers.1") and name.endswith("_proj.weight"):
            found = sources.part(native, 1, name.removeprefix("model.layers.1."))
            assert torch.equal(found, torch.from_numpy(expected)), name
    assert model["architecture"]["head_dim"] == 16 and model["architecture"]["tie_embeddings"] is False


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_gguf_and_hub_forms_of_the_same_weights_convert_to_the_same_bytes(tmp_path: Path, family: str) -> None:
    weights = sources.hub_weights(bias=family == "qwen2", qk_norm=family == "qwen3",
                                  head_dim=32 if family == "qwen3" else 16)
    head_dim = {"head_dim": 32} if family == "qwen3" else {}
    hub = sources.write_hub(tmp_path / "hub", weights, sources.hub_config(family, **head_dim))
    file = sources.write_gguf(tmp_path / "m.gguf", weights, family=family)
    convert(hub, tmp_path / "a")
    convert(file, tmp_path / "b")
    left, right = ((tmp_path / name / "weights.safetensors").read_bytes() for name in "ab")
    assert left == right
    first, second = (json.loads((tmp_path / name / "model.json").read_text()) for name in "ab")
    assert first["fim"] == second["fim"] and first["fim"]["prefix"] == sources.TOKENS.index("<|fim_prefix|>")
    for key in ("family", "bos_id", "add_bos", "eos_ids", "weights_sha256"):
        assert first[key] == second[key], key
    differing = {key for key, value in first["architecture"].items() if value != second["architecture"][key]}
    assert differing <= {"norm_eps"}  # GGUF keeps it as float32


@pytest.mark.parametrize(("kind", "within"), [(Kind.F16, 1e-3), (Kind.BF16, 1e-2), (Kind.Q8_0, 1e-2), (Kind.Q4_0, 0.3),
                                              (Kind.Q4_1, 0.2), (Kind.Q5_0, 0.15), (Kind.Q5_1, 0.1)])
def test_quantised_weights_are_near_what_was_quantised(tmp_path: Path, kind: Kind, within: float) -> None:
    weights = sources.hub_weights()
    native, _ = converted(sources.write_gguf(tmp_path / "m.gguf", weights, kind=kind))
    expected = torch.from_numpy(weights["model.layers.0.mlp.up_proj.weight"])
    gap = (sources.part(native, 0, "mlp.up_proj.weight") - expected).abs().max()
    assert 0 < gap < within


def test_bfloat16_rounds_as_torch_does_and_norms_stay_float32(tmp_path: Path) -> None:
    weights = sources.hub_weights()
    native, model = converted(sources.write_gguf(tmp_path / "m.gguf", weights), dtype="bfloat16")
    expected = torch.from_numpy(weights["model.embed_tokens.weight"]).to(torch.bfloat16)
    assert torch.equal(native["embed.weight"], expected) and model["dtype"] == "bfloat16"
    assert torch.equal(native["norm.weight"], torch.from_numpy(weights["model.norm.weight"]))


def test_weights_that_are_no_numbers_are_refused_and_nothing_stays(tmp_path: Path) -> None:
    weights = sources.hub_weights()
    weights["model.layers.1.mlp.up_proj.weight"][3, 3] = np.nan
    file = sources.write_gguf(tmp_path / "in" / "m.gguf", weights)
    with pytest.raises(BadInput, match=r"blk\.1\.ffn_up\.weight.*not finite"):
        convert(file, tmp_path / "out" / "native")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_second_conversion_replaces_the_first(tmp_path: Path) -> None:
    converted(sources.write_gguf(tmp_path / "m.gguf", sources.hub_weights(seed=1)))
    native, _ = converted(sources.write_gguf(tmp_path / "m.gguf", sources.hub_weights(seed=2)))
    expected = sources.hub_weights(seed=2)["model.norm.weight"]
    assert torch.equal(native["norm.weight"], torch.from_numpy(expected))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.gguf", "native"]


def test_the_record_of_the_origin_and_the_hash_of_the_weights_are_kept(tmp_path: Path) -> None:
    import hashlib
    file = sources.write_gguf(tmp_path / "m.gguf", sources.hub_weights())
    convert(file, tmp_path / "native", origin={"name": "tiny-one", "sha256": "ab"})
    model = json.loads((tmp_path / "native" / "model.json").read_text())
    assert model["origin"] == {"name": "tiny-one", "sha256": "ab"} and model["licence"] == "apache-2.0"
    data = (tmp_path / "native" / "weights.safetensors").read_bytes()
    assert model["weights_sha256"] == hashlib.sha256(data).hexdigest() and model["weights_bytes"] == len(data)


@pytest.mark.parametrize(("keys", "words"), [
    ({"llama.expert_count": 8}, "mixture of experts"),
    ({"llama.attention.sliding_window": 16}, "sliding-window"),
    ({"llama.attn_logit_softcapping": 30.0}, "softcapping"),
    ({"llama.rope.scaling.type": "longrope", "llama.rope.scaling.factor": 4.0}, "longrope"),
    ({"llama.rope.dimension_count": 8}, "differ in size"),
    ({"llama.attention.head_count": "four"}, "head_count"),
    ({"llama.attention.head_count_kv": 3}, "fit together"),
    ({"llama.block_count": 3}, "missing"),
    ({"llama.block_count": 1}, "has no place"),
    ({"llama.feed_forward_length": 128}, "expected"),
    ({"llama.block_count": None}, "block_count"),
    ({"split.count": 4}, "one part of 4"),
    ({"tokenizer.ggml.model": "t5"}, "t5"),
    ({"tokenizer.ggml.pre": "tekken"}, "tekken.*llama-bpe"),
    ({"tokenizer.ggml.tokens": None}, "no tokenizer"),
    ({"tokenizer.ggml.merges": ["q q"]}, "merge rule"),
])
def test_what_would_change_results_is_refused_by_name(tmp_path: Path, keys: dict[str, Any], words: str) -> None:
    file = sources.write_gguf(tmp_path / "m.gguf", sources.hub_weights(), keys=keys)
    with pytest.raises((BadInput, Damaged), match=words) as caught:
        convert(file, tmp_path / "native")
    assert "\n" not in str(caught.value) and not (tmp_path / "native").exists()


@pytest.mark.parametrize("family", ["gemma2", "qwen2moe", "smollm3"])
def test_another_family_is_refused_with_the_known_ones(tmp_path: Path, family: str) -> None:
    file = sources.write_gguf(tmp_path / "m.gguf", sources.hub_weights(), family=family)
    with pytest.raises(BadInput, match=f"'{family}' cannot be converted; Makar knows llama, qwen2, qwen3"):
        convert(file, tmp_path / "native")


def test_llama3_frequencies_become_their_rule_and_others_are_refused(tmp_path: Path) -> None:
    rule = {"type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_context_tok": 8192}
    divisors = llama3_divisors(500000.0, 16, rule).astype(np.float32)
    keys = {"llama.rope.freq_base": 500000.0}
    file = sources.write_gguf(tmp_path / "m.gguf", sources.hub_weights(), keys=keys,
                              tensors={"rope_freqs.weight": (divisors, Kind.F32)})
    assert converted(file)[1]["architecture"]["rope_scaling"] == rule
    file = sources.write_gguf(tmp_path / "n.gguf", sources.hub_weights(), keys=keys,
                              tensors={"rope_freqs.weight": (np.linspace(1, 9, 8, dtype=np.float32), Kind.F32)})
    with pytest.raises(BadInput, match="rope_freqs"):
        convert(file, tmp_path / "other")


def test_llama3_divisors_are_those_of_transformers() -> None:
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 8192, "rope_theta": 500000.0}
    config = LlamaConfig(hidden_size=4096, num_attention_heads=32, rope_parameters=scaling)
    theirs, _ = ROPE_INIT_FUNCTIONS["llama3"](config, device=torch.device("cpu"))
    rule = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_context_tok": 8192}
    plain = 500000.0 ** -(np.arange(0, 128, 2) / 128)
    np.testing.assert_allclose(plain / llama3_divisors(500000.0, 128, rule), theirs.double().numpy(), rtol=1e-5)


@pytest.mark.parametrize("keep_frac", [0.0, 0.001, 0.1, 0.5, 0.9, 0.9999])
def test_a_file_cut_short_is_damaged(tmp_path: Path, keep_frac: float) -> None:
    file = sources.write_gguf(tmp_path / "m.gguf", sources.hub_weights())
    data = file.read_bytes()
    file.write_bytes(data[:4 + int(keep_frac * (len(data) - 4))])
    with pytest.raises(Damaged) as caught:
        convert(file, tmp_path / "native")
    assert "\n" not in str(caught.value) and not (tmp_path / "native").exists()


@pytest.mark.parametrize(("at", "value"), [(8, 2**63), (16, 2**62), (24, 2**64 - 1), (8, 2**20)])
def test_absurd_counts_and_lengths_are_refused_before_anything_is_read(tmp_path: Path, at: int, value: int) -> None:
    import tracemalloc
    file = sources.write_gguf(tmp_path / "m.gguf", sources.hub_weights())
    data = bytearray(file.read_bytes())
    data[at:at + 8] = value.to_bytes(8, "little")
    file.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(Damaged):
            convert(file, tmp_path / "native")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_no_file_pickles_and_other_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="no file or folder"):
        convert(tmp_path / "none.gguf", tmp_path / "native")
    for name, words in (("pytorch_model.bin", "pickled"), ("model.PT", "pickled"), ("x.gguf", "not a GGUF"),
                        ("model.safetensors", "folder"), ("empty.gguf", "not a GGUF")):
        (tmp_path / name).write_bytes(b"" if name.startswith("empty") else b"\x80\x02}q\x00." * 10)
        with pytest.raises(BadInput, match=words):
            convert(tmp_path / name, tmp_path / "native")
    with pytest.raises(MakarError, match="dtype 'int3'"):
        convert(tmp_path / "x.gguf", tmp_path / "native", dtype="int3")
