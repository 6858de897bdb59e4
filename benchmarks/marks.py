"""The text mark beside transformers' SynthID processor: the same model, prompts, seeds, 30 layers and 4 context tokens.

Each contestant reweighs the same kept candidates before the draw. Printed are the processor time that this takes per
token, beside that of the whole token, and the p-values of the weighted mean score of the first 200 tokens: transformers'
own detector needs training per key and model, so its g-values and masks are scored here as in the paper, by one normal
tail; Makar's p-value includes its eight lanes.

    python benchmarks/marks.py [--model smollm2-135m] [--texts 6]
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

import numpy as np
import torch
from numpy.typing import NDArray
from peer import load_ours
from transformers import SynthIDTextWatermarkLogitsProcessor
from trial import machine

from makar.codecs.chat import Message
from makar.evaluate.marks.prompts import PROSE
from makar.marks.key import MarkKey, current_key
from makar.marks.text import DEPTH_WEIGHTS, detect
from makar.marks.tokenizers import Known
from makar.marks.tournament import CONTEXT_TOK, NUM_LAYERS, Marker
from makar.methods.autoregress import Job, LanguageModel, Sampling, job

NUM_TOK = 200


class Clock:
    """Processor seconds spent in marking."""

    seconds = 0.0


class TimedMarker(Marker):
    """Ours, timed."""

    def reweigh(self, ids: NDArray[np.int64] | None, weights: NDArray[np.floating]) -> NDArray[np.floating]:
        """As ours."""
        start_s = time.process_time()
        out = super().reweigh(ids, weights)
        Clock.seconds += time.process_time() - start_s
        return out


class PeerMarker:
    """Theirs, in the place of ours: candidates that were cut have no weight in its full vocabulary."""

    vocab_size = 0

    def __init__(self, key: MarkKey, seed: int) -> None:
        self._processor = peer_processor(key)
        self._made: list[int] = []

    def reweigh(self, ids: NDArray[np.int64] | None, weights: NDArray[np.floating]) -> NDArray[np.floating]:
        """The weights of the candidates after its tournament."""
        start_s = time.process_time()
        places = np.arange(len(weights)) if ids is None else ids
        scores = torch.full((1, self.vocab_size), -math.inf)
        scores[0, torch.from_numpy(places)] = torch.from_numpy(np.log(weights))
        marked = self._processor(torch.tensor([self._made or [0]]), scores)[0]
        out: NDArray[np.floating] = marked[torch.from_numpy(places)].softmax(-1).double().numpy()
        Clock.seconds += time.process_time() - start_s
        return out

    def push(self, token: int) -> None:
        """Takes the token that was drawn."""
        self._made.append(token)


def peer_processor(key: MarkKey) -> SynthIDTextWatermarkLogitsProcessor:
    """With thirty keys that follow from ours, and its documented settings."""
    keys = np.frombuffer(key.derive("peer", 60), dtype="<u2").astype(int).tolist()
    return SynthIDTextWatermarkLogitsProcessor(
        ngram_len=CONTEXT_TOK + 1, keys=keys[:NUM_LAYERS], sampling_table_size=2**16, sampling_table_seed=0,
        context_history_size=1024, device=torch.device("cpu"), skip_first_ngram_calls=True)


def peer_p_value(key: MarkKey, ids: list[int]) -> float:
    """The weighted mean of its g-values where its mask counts them, as a normal tail."""
    processor, read = peer_processor(key), torch.tensor([ids])
    g = processor.compute_g_values(read)[0].double().numpy()
    counted = processor.compute_context_repetition_mask(read)[0].numpy()
    score = float(((g[counted] - 0.5) @ DEPTH_WEIGHTS).sum())
    spread = 0.5 * math.sqrt(int(counted.sum()) * float(DEPTH_WEIGHTS @ DEPTH_WEIGHTS))
    return 0.5 * math.erfc(score / spread / math.sqrt(2))


def write(model: LanguageModel, marker: type, key: MarkKey, num_texts: int) -> tuple[list[str], float, float]:
    """The texts, and the processor time per token in all and of the mark."""
    job.Chooser.__init__.__globals__["Marker"] = marker
    Clock.seconds, texts, num_tok, start_s = 0.0, [], 0, time.process_time()
    for number in range(num_texts):
        ids = tuple(model.render([Message("user", PROSE[number % len(PROSE)])]))
        pieces = list(model.stream(Job(ids, Sampling(max_tok=NUM_TOK + 20, seed=number, mark=key.id))))
        texts.append("".join(piece.text for piece in pieces))
        num_tok += len(pieces)
    return texts, (time.process_time() - start_s) / num_tok, Clock.seconds / num_tok


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--texts", type=int, default=6)
    args = parser.parse_args()
    model = load_ours(args.model)
    PeerMarker.vocab_size = model.tokenizer.vocab_size
    print(machine())
    home, known = os.environ.get("MAKAR_HOME"), Known((model.name,), model.tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAKAR_HOME"] = str(Path(folder))  # a key for this run alone
        key = current_key()
        for name, marker in (("makar", TimedMarker), ("transformers SynthID", PeerMarker)):
            texts, token_s, mark_s = write(model, marker, key, args.texts)
            beginnings = [model.tokenizer.encode(text)[:NUM_TOK] for text in texts]
            p_values = [peer_p_value(key, ids) if marker is PeerMarker else
                        detect(model.tokenizer.decode(ids), keys=[key], tokenizers=[known]).p_value
                        for ids in beginnings]
            print(f"{name:22} {mark_s * 1e6:9.0f} us/token to mark of {token_s * 1e6:9.0f}, "
                  f"{mark_s / (token_s - mark_s):7.1%} more; p at {NUM_TOK} tokens: median "
                  f"{statistics.median(p_values):.1e}, {sum(p <= 1e-4 for p in p_values)} of {len(texts)} <= 1e-4")
    if home is None:
        del os.environ["MAKAR_HOME"]
    else:
        os.environ["MAKAR_HOME"] = home


if __name__ == "__main__":
    main()
