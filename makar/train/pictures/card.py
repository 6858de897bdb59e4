"""The card of a picture model: what it is, from what, how it was trained, and who is to be named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from makar.codecs.pack import Pack


def began(start: Mapping[str, str]) -> str:
    """A paragraph on the model that the run began with, where there was one."""
    return f"""

It began with the weights of `{start['name']}` (`{start['sha256']}`), which was trained on
{start['training_data']}.""" if start else ""


def parts_of(architecture: Mapping[str, Any]) -> str:
    """What the net takes a picture apart into, and how deep it is."""
    if "handover" not in architecture:
        return f"patches of {architecture['patch_px']} px, {_layers(architecture)}"
    first, second = architecture["first"], architecture["second"]
    return (f"{first['num_components']} principal components of the whole, {_layers(first)}, until time "
            f"{architecture['handover']:g} of the way; from there on patches of {second['patch_px']} px, "
            f"{_layers(second)}")


def _layers(architecture: Mapping[str, Any]) -> str:
    num = architecture["num_layers"]
    return f"{num} layer{'s' if num != 1 else ''} of {architecture['dim']} channels"


def write_card(model: Mapping[str, Any], pack: Pack) -> str:
    """The card in Markdown."""
    a, trained, facts = model["architecture"], model["trained"], pack.facts
    licences = "\n".join(f"| {licence} | {num:,} |" for licence, num in sorted(facts["licences"].items()))
    dropped = "\n".join(f"| {why} | {num:,} |" for why, num in sorted(facts["dropped"].items())) or "| nothing | 0 |"
    measures = "\n".join(f"| {name.replace('_', ' ')} | {trained[name]:.4f} |" for name in
                         ("validation_loss", "train_loss") if name in trained) or "| not measured yet | |"
    size_px = a.get("second", a)["size_px"]
    num_held_out = sum(entry.split == "held_out" for entry in pack.entries)
    return f"""# {trained['recipe']}, step {trained['step']:,}

A model of small pictures of {size_px} px with transparent backgrounds: prompt and style in, picture out, by flow
matching. Its net: {parts_of(a)}. Made by Makar.

Weights (sha256 of their shards' hashes): `{model['weights_sha256']}`

## Data

Pack `{pack.root}`: {facts['num_pictures']:,} pictures, {num_held_out:,} of them, as pairs of concept and style, never
trained on. From: {'; '.join(facts['packages'])}.

| licence | pictures |
|---|---|
{licences}

| left out because | drawings |
|---|---|
{dropped}

## Training

{trained['step']:,} steps, {trained['num_pictures']:,} pictures seen
({trained['num_pictures'] / facts['num_pictures']:.1f} times the data), {trained['seconds'] / 60:.1f} minutes on
{trained['device']}.{began(trained['start'])}

| measure | value |
|---|---|
{measures}

Both losses are measured at the same times and noise; the distance between them says how much is known by heart.

## Limits

- It draws what its data holds: icons, emoji, clip art, tiles and avatars. Other prompts give something near them.
- People in its data are emoji and avatars, with the choices of those who drew them.
- It can come close to a picture it was trained on; compare before you publish.

## Who made the pictures

{chr(10).join(f"- {line}" for line in facts['credits'])}
"""
