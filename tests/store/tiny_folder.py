"""A safetensors folder of the Llama family with random weights, small enough to convert in a blink."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

DIM, HIDDEN, NUM_LAYERS = 16, 24, 2


def files(seed: int = 0) -> dict[str, bytes]:
    """Every file of the folder by name."""
    tokenizer = Tokenizer(models.BPE({char: id for id, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))},
                                     []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|im_start|>"), AddedToken("<|im_end|>")])
    vocab_size = tokenizer.get_vocab_size()
    config = {"model_type": "llama", "vocab_size": vocab_size, "hidden_size": DIM, "num_hidden_layers": NUM_LAYERS,
              "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": HIDDEN, "rms_norm_eps": 1e-5,
              "rope_theta": 10000.0, "max_position_embeddings": 64, "tie_word_embeddings": True, "eos_token_id": 257}
    return {"config.json": json.dumps(config).encode(), "tokenizer.json": tokenizer.to_str().encode(),
            "model.safetensors": save(_tensors(vocab_size, np.random.default_rng(seed)))}


def write(folder: Path, seed: int = 0) -> Path:
    """The folder on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files(seed).items():
        (folder / name).write_bytes(data)
    return folder


def _tensors(vocab_size: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {"model.embed_tokens.weight": (vocab_size, DIM), "model.norm.weight": (DIM,)}
    for layer in range(NUM_LAYERS):
        for name, shape in {"input_layernorm": (DIM,), "post_attention_layernorm": (DIM,),
                            "self_attn.q_proj": (DIM, DIM), "self_attn.k_proj": (DIM // 2, DIM),
                            "self_attn.v_proj": (DIM // 2, DIM), "self_attn.o_proj": (DIM, DIM),
                            "mlp.gate_proj": (HIDDEN, DIM), "mlp.up_proj": (HIDDEN, DIM),
                            "mlp.down_proj": (DIM, HIDDEN)}.items():
            shapes[f"model.layers.{layer}.{name}.weight"] = shape
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
