"""From a folder of the store to a net: the native engine over packed weights, or the plain Transformer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from makar import store
from makar.kit.config import from_json
from makar.kit.errors import BadInput, Damaged, MakarError, NotHere
from makar.methods.autoregress.runtime import Runtime
from makar.native import cpu
from makar.native.engine import Engine, Options
from makar.native.packed_file import open_packed
from makar.nets.adapters import attach, load_adapters
from makar.nets.transformer import Config, Transformer
from makar.store import StoredModel
from makar.store.fetch import say
from makar.store.native import DRAWING

_PRECISION = {"auto": "file", "native": "file", "8bit": "8bit", "4bit": "4bit"}
_CACHE = {16: "bfloat16", 8: "int8"}


def native_net(stored: StoredModel, runtime: Runtime) -> Engine | None:
    """The native engine over the packed weights, which are made the first time; None for the plain Transformer.

    Raises: BadInput (it was asked for and the model does not fit it), Damaged, OutOfRoom
    """
    if runtime.arithmetic == "plain":
        return None
    if runtime.arithmetic != "auto":
        misfit = why_not_native(stored)
        if misfit:
            raise BadInput(f"'{stored.name}' cannot run with the arithmetic '{runtime.arithmetic}': {misfit}; use "
                           "plain")
        return _engine(stored, runtime)
    if why_plain(stored) is not None:
        return None
    try:
        return _engine(stored, runtime)
    except MakarError as error:
        say(f"running {stored.name} with the plain arithmetic, because: {error}")
        return None


def why_plain(stored: StoredModel) -> str | None:
    """Why `auto` runs a model with the plain arithmetic, or None where it runs native."""
    if cpu.paths()[0] == "twin":
        return "the native kernel was not built or does not know this processor, and its twin is slower"
    return why_not_native(stored)


def why_not_native(stored: StoredModel) -> str | None:
    """What keeps a model from the native engine, or None."""
    facts = read_facts(stored.folder)
    if facts.get("base") is not None:
        return "it is an adapter, which stands over weights as they are stored"
    head_dim = facts["architecture"]["head_dim"]
    return f"its heads of {head_dim} are no multiple of 16" if head_dim % 16 else None


def _engine(stored: StoredModel, runtime: Runtime) -> Engine:
    config = from_json(Config, read_facts(stored.folder)["architecture"])
    weights = open_packed(stored, config, _PRECISION[runtime.arithmetic])
    return Engine(config, weights, Options(num_threads=runtime.threads, cache=_CACHE[runtime.cache_bits],
                                           finely=runtime.arithmetic == "8bit"))


def describe(net: Transformer | Engine) -> dict[str, Any]:
    """What a net computes with: the same on the same weights gives the same bytes."""
    if isinstance(net, Transformer):
        return {"arithmetic": "plain", "weights": str(net.embed.weight.dtype).removeprefix("torch.")}
    # in words: the signed form of a record reads a list of small numbers as bytes
    bits = ", ".join(map(str, sorted({packed.bits for packed in net.weights.matrices.values()})))
    return {"arithmetic": "native", "path": net.path, "weight_bits": bits,
            "activation_bits": "16" if net.options.finely else "8, in the head 16", "cache": net.options.cache}


def open_net(stored: StoredModel) -> Transformer:
    """The net of a stored model; one that is an adapter stands over the memory-mapped weights of its base, which any
    number of others may stand over as well.

    Raises: Damaged, NotHere (an adapter whose base is not here)
    """
    facts = read_facts(stored.folder)
    try:
        weights = load_file(stored.folder / "weights.safetensors")
    except (OSError, SafetensorError) as error:
        raise Damaged(f"the weights of '{stored.name}' cannot be read ({error}); run: makar models verify "
                      f"{stored.name}") from error
    base = facts.get("base")
    if base is None:
        return Transformer.of(from_json(Config, facts["architecture"]), weights)
    under = store.stored(base["name"])
    if under.sha256 != base["sha256"]:
        raise NotHere(f"'{stored.name}' is an adapter over weights {base['sha256'][:16]}, and '{base['name']}' here "
                      f"has {under.sha256[:16]}; add that model under this name")
    net = open_net(under)
    attach(net, int(base["rank"]), float(base["scale"]))
    load_adapters(net, weights)
    return net.requires_grad_(False)


def read_facts(folder: Path) -> dict[str, Any]:
    """What a model's folder says of it. Raises: Damaged, BadInput (it writes nothing, it draws)"""
    try:
        facts: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))
        if facts.get("family") in DRAWING:
            raise BadInput(f"'{folder.name}' is a model of pictures, which writes no text; name another: "
                           "makar models list")
        facts["architecture"], facts["eos_ids"]
    except (OSError, ValueError, KeyError) as error:
        raise Damaged(f"'{folder / 'model.json'}' cannot be read ({error}); remove the model and add it "
                      "again") from error
    return facts


