"""Marks beside those of others: texts from the same weights, prompts and sampling; the same pictures, the same attacks.

    python benchmarks/marks.py --pictures pictures.tar [--model smollm2-135m] [--num-texts 16] [--num-pictures 20]

Text: transformers' SynthID processor, whose texts are looked at with the weighted mean of its own bits (Dathathri et
al. 2024, Methods), and whether a text counts as found is decided by the same tail as here. Pictures: the two methods of
invisible-watermark that need no weights, 32 bits each; found where as many bits are right as in one of 10,000 unmarked
pictures.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

import cv2
import numpy as np
import torch
from imwatermark import WatermarkDecoder, WatermarkEncoder
from peer import load_ours, read_by_transformers
from PIL import Image
from transformers import SynthIDTextWatermarkingConfig, SynthIDTextWatermarkLogitsProcessor

from makar.codecs.chat import Message
from makar.codecs.picture import glance
from makar.evaluate.marks.prompts import PROSE
from makar.evaluate.marks.writing import AT_LENGTH, edited
from makar.evaluate.picture_marks import key_of
from makar.evaluate.picture_marks.attacks import ATTACKS
from makar.evaluate.picture_marks.pictures import pictures, sized
from makar.marks.image import THRESHOLD, Picture, detect_in, embed, psnr_db
from makar.marks.key import MarkKey, current_key
from makar.marks.tail import p_value
from makar.marks.text import DEPTH_WEIGHTS, p_values
from makar.marks.tokenizers import Known
from makar.marks.tournament import NUM_LAYERS
from makar.methods.autoregress import Job, LanguageModel, Sampling

TEXTS_A_PROMPT = 4
NUM_BITS = 32
METHODS = ("dwtDct", "dwtDctSvd")
SIZES_PX = (512, 256)
ATTACK_NAMES = ("JPEG quality 75", "JPEG quality 50", "WebP quality 75", "share kept 0.5", "resized 0.5", "resized 1.4",
                "noise 5", "contrast 1.2", "screenshot quality 80")
KEYS = np.random.default_rng(0).integers(1, 1 << 30, NUM_LAYERS).tolist()
CONFIG = SynthIDTextWatermarkingConfig(keys=KEYS, ngram_len=5, context_history_size=1024)


@dataclass(frozen=True)
class Texts:
    """What a contestant wrote, and the p-value of a text of its own."""

    written: Sequence[list[int]]
    chance: Callable[[Sequence[int]], float]


def by_makar(model: LanguageModel, prompts: Sequence[list[int]], num_tok: int) -> Texts:
    """Texts marked as Makar marks them, looked for with the key alone."""
    key = current_key()
    jobs = [Job(tuple(ids), Sampling(max_tok=num_tok, seed=number, mark=key.id))
            for number, ids in enumerate(ids for ids in prompts for _ in range(TEXTS_A_PROMPT))]
    texts = [""] * len(jobs)
    for piece in model.run(jobs):
        texts[piece.index] += piece.text
    known = Known((model.name,), model.tokenizer)

    def chance(ids: Sequence[int]) -> float:
        return p_values(model.tokenizer.decode(ids), [key], known)[0]

    return Texts([model.tokenizer.encode(text) for text in texts], chance)


def by_transformers(name: str, prompts: Sequence[list[int]], num_tok: int, eos_ids: Sequence[int]) -> Texts:
    """Texts marked by the SynthID processor, and their weighted mean against what fair bits give."""
    peer, usual, written = read_by_transformers(name, torch.float32), Sampling(), []
    torch.manual_seed(0)
    for ids in (ids for ids in prompts for _ in range(TEXTS_A_PROMPT)):
        prompt = torch.tensor([ids])  # alone: it makes 30 numbers for each word it knows, which fit no cache together
        with torch.inference_mode():
            made = peer.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=num_tok,
                                 do_sample=True, top_k=0, temperature=usual.temperature, top_p=usual.top_p,
                                 repetition_penalty=usual.repetition_penalty, eos_token_id=list(eos_ids),
                                 pad_token_id=eos_ids[0], watermarking_config=CONFIG)
        written.append([one for one in made[0, len(ids):].tolist() if one not in eos_ids])
        print(f"transformers' SynthID: text {len(written)}, {len(written[-1])} tokens", file=sys.stderr, flush=True)
    return Texts(written, _weighted_mean)


def _weighted_mean(ids: Sequence[int]) -> float:
    if len(ids) <= CONFIG.ngram_len:
        return 1.0
    processor = SynthIDTextWatermarkLogitsProcessor(
        ngram_len=CONFIG.ngram_len, keys=CONFIG.keys, sampling_table_size=CONFIG.sampling_table_size,
        sampling_table_seed=CONFIG.sampling_table_seed, context_history_size=CONFIG.context_history_size,
        device=torch.device("cpu"))
    row = torch.tensor([list(ids)])
    first = processor.compute_context_repetition_mask(row)[0].bool().numpy()
    bits = processor.compute_g_values(row)[0].numpy()[first] - 0.5
    return p_value(float((bits @ DEPTH_WEIGHTS).sum()), DEPTH_WEIGHTS, np.full(NUM_LAYERS, float(len(bits))))


def tell_texts(name: str, texts: Texts, lengths: Sequence[int]) -> None:
    """Prints how many of a contestant's texts are found, whole and edited."""
    for length in lengths:
        enough = [ids[:length] for ids in texts.written if len(ids) >= length]
        for frac in (0.0, 0.1, 0.2):
            found = [texts.chance(edited(ids, frac)) <= THRESHOLD for ids in enough]
            print(f"{name:<24} {length} tokens, {frac:4.0%} edited: found {sum(found):3} of {len(found)}", flush=True)


@dataclass(frozen=True)
class Marker:
    """A contestant for pictures: how it marks one, and whether it finds its mark."""

    name: str
    mark: Callable[[Picture], Picture]
    finds: Callable[[Picture], bool]


def ours(key: MarkKey) -> Marker:
    """Makar's mark under one key."""
    return Marker("Makar", lambda rgba: embed(rgba, key, 0x1234ABCD), lambda rgba: bool(detect_in(rgba, [key]).found))


def theirs(method: str) -> Marker:
    """A method of invisible-watermark."""
    bits = np.random.default_rng(1).integers(0, 2, NUM_BITS).tolist()
    least = next(num for num in range(NUM_BITS + 1)
                 if sum(comb(NUM_BITS, more) for more in range(num, NUM_BITS + 1)) <= THRESHOLD * 2**NUM_BITS)

    def mark(rgba: Picture) -> Picture:
        encoder = WatermarkEncoder()
        encoder.set_watermark("bits", bits)
        coloured = encoder.encode(cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGR), method)
        return np.dstack((cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB), rgba[..., 3]))

    def finds(rgba: Picture) -> bool:
        if min(rgba.shape[:2]) < 256:
            return False  # it refuses such pictures
        read = WatermarkDecoder("bits", NUM_BITS).decode(cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGR), method)
        return int((np.asarray(read, dtype=int) == bits).sum()) >= least

    return Marker(f"invisible-watermark {method}", mark, finds)


def tell_pictures(drawn: Sequence[Picture], size_px: int, marker: Marker) -> None:
    """Prints how many marked pictures are found after each attack, and how near they are to the unmarked ones."""
    marked = [marker.mark(rgba) for rgba in drawn]
    least_db = min(psnr_db(before, after) for before, after in zip(drawn, marked, strict=True))
    print(f"{marker.name:<32} {size_px} px, least PSNR {least_db:.1f} dB, as it is: "
          f"found {sum(map(marker.finds, marked)):2} of {len(marked)}; unmarked: {sum(map(marker.finds, drawn))}")
    for attack in ATTACKS:
        if attack.name in ATTACK_NAMES:
            chance = np.random.default_rng(0)
            found = [marker.finds(_seen(attack.on(rgba, chance))) for rgba in marked]
            print(f"{marker.name:<32} {size_px} px, {attack.name:<22} found {sum(found):2} of {len(found)}", flush=True)


def _seen(file: bytes) -> Picture:
    picture = glance(file)
    assert picture is not None, "an attack writes a picture"
    return np.asarray(picture)


def _on_white(rgba: Picture) -> Picture:
    """Without transparency, of which invisible-watermark knows nothing."""
    ground = Image.new("RGBA", (rgba.shape[1], rgba.shape[0]), "white")
    ground.alpha_composite(Image.fromarray(rgba))
    return np.asarray(ground)


def main() -> None:
    """Runs both contests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="a tar archive of pictures; none leaves them out")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--num-texts", type=int, default=16, help="0 leaves texts out")
    parser.add_argument("--num-pictures", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=200)
    args = parser.parse_args()
    if args.num_texts:
        model = load_ours(args.model)
        prompts = [model.render([Message("user", f"{prompt} {AT_LENGTH}")])
                   for prompt in PROSE[:args.num_texts // TEXTS_A_PROMPT]]
        lengths = sorted({args.tokens // 2, args.tokens})
        tell_texts("Makar", by_makar(model, prompts, args.tokens + 8), lengths)
        tell_texts("transformers' SynthID", by_transformers(args.model, prompts, args.tokens + 8, model.card.eos_ids),
                   lengths)
    if args.pictures is not None:
        drawn = pictures(args.pictures)[:args.num_pictures]
        for size_px in SIZES_PX:
            here = [_on_white(sized(rgba, size_px)) for rgba in drawn]
            for marker in (ours(key_of(0)), *map(theirs, METHODS)):
                tell_pictures(here, size_px, marker)


if __name__ == "__main__":
    main()
