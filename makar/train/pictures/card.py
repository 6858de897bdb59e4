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
    """What the net takes a picture apart into."""
    if "num_components" in architecture:
        return f"{architecture['num_components']} principal components of the whole"
    return f"patches of {architecture['patch_px']} px"


def write_card(model: Mapping[str, Any], pack: Pack) -> str:
    """The card in Markdown."""
    a, trained, facts = model["architecture"], model["trained"], pack.facts
    licences = "\n".join(f"| {licence} | {num:,} |" for licence, num in sorted(facts["licences"].items()))
    dropped = "\n".join(f"| {why} | {num:,} |" for why, num in sorted(facts["dropped"].items())) or "| nothing | 0 |"
    measures = "\n".join(f"| {name.replace('_', ' ')} | {trained[name]:.4f} |" for name in
                         ("validation_loss", "train_loss") if name in trained) or "| not measured yet | |"
    num_held_out = sum(entry.split == "held_out" for entry in pack.entries)
    return f"""# {trained['recipe']}, step {trained['step']:,}

A model of small pictures with transparent backgrounds ({a['size_px']} px, {parts_of(a)},
{a['num_layers']} layers of {a['dim']} channels): prompt and style in, picture out, by flow matching. Made by Makar.

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
