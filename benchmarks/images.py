"""Pictures per second, from words to pixels, beside diffusers' loop of 50 steps, and one forward pass beside its DiT.

    python benchmarks/images.py [--model icons-32] [--teacher icons-32] [--rounds 5]

The loop is diffusers' own Heun scheduler around the teacher, guided at the same times as the room guides it. The pass
is that of a DiT-S (33 million weights) beside nets of the same width and depth, and of as many weights.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

import torch
from diffusers import DiTTransformer2DModel, FlowMatchHeunDiscreteScheduler
from torch import Tensor, nn
from trial import contest, machine

from makar.codecs.pixels import to_pixels
from makar.generate.load import load
from makar.methods.flow import velocity
from makar.nets.patches import Condition, Config, PatchTransformer
from makar.rooms.image import ROOM, ImageRequest
from makar.rooms.image.drawing import denoiser, noise
from makar.rooms.image.models.patchflow import PatchFlow
from makar.rooms.image.prompts import condition

PROMPT, PEER_STEPS = "a red dragon", 50
SIZE_PX, PATCH_PX, WORDS = 64, 8, 16
WEIGHTS = {"as wide and as deep": (384, 1024), "as many weights": (448, 1280)}


def ours(model: PatchFlow, num: int) -> float:
    """Pictures, one after the other, as the room draws them."""
    return float(len(list(model.pictures(ImageRequest(PROMPT, model.name, n=num, sampling=model.usual)))))


@torch.no_grad()
def in_their_loop(model: PatchFlow) -> float:
    """One picture: their velocity leads from data to noise, and their time is what is left of ours."""
    c = model.net.config
    asked = condition(model.prompts, PROMPT, 0, c.context_tok)
    denoise = denoiser(model.net, asked, model.usual.guidance)
    scheduler = FlowMatchHeunDiscreteScheduler()
    scheduler.set_timesteps(PEER_STEPS)
    z = noise(0, (1, c.channels, c.size_px, c.size_px))
    for left in scheduler.timesteps:
        time = 1 - left / scheduler.config.num_train_timesteps
        z = scheduler.step(-velocity(denoise, z, time), left, z).prev_sample
    return float(len(to_pixels(z)))


def forwards(dtype: torch.dtype) -> dict[str, tuple[int, Callable[[], float]]]:
    """One pass of each net over the same pictures, with its number of weights."""
    peer = DiTTransformer2DModel(num_attention_heads=6, attention_head_dim=64, in_channels=4, out_channels=4,
                                 num_layers=12, sample_size=SIZE_PX, patch_size=PATCH_PX)
    z, time, label = torch.randn(1, 4, SIZE_PX, SIZE_PX, dtype=dtype), torch.tensor([500]), torch.tensor([0])
    found = {"diffusers' DiT": _one(peer.to(dtype), lambda: peer(z, time, label).sample)}
    asked = Condition(torch.randn(1, WORDS, 128, dtype=dtype), torch.ones(1, WORDS, dtype=torch.bool), label)
    for name, (dim, hidden) in WEIGHTS.items():
        net = PatchTransformer(Config(SIZE_PX, PATCH_PX, dim, 12, 60, 128, hidden, WORDS)).to(dtype)
        found[name] = _one(net, lambda net=net: net(z, (time / 1000).to(dtype), asked))  # type: ignore[misc]
    return found


def _one(net: nn.Module, forward: Callable[[], Tensor]) -> tuple[int, Callable[[], float]]:
    @torch.no_grad()
    def run() -> float:
        for _ in range(10):
            forward()
        return 10.0

    net.eval()
    return sum(weight.numel() for weight in net.parameters()), run


def main() -> None:
    """Prints pictures and passes per second, and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="icons-32")
    parser.add_argument("--teacher", default="icons-32")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    print(machine())
    model, teacher = load(ROOM, args.model), load(ROOM, args.teacher)
    loop = f"{args.teacher}, {PEER_STEPS} Heun steps of diffusers"
    result = contest({args.model: lambda: ours(model, 10), loop: lambda: in_their_loop(teacher)}, rounds=args.rounds)
    for name in result.rates:
        print(f"{name:44} {result.median(name):8.2f} pictures/s")
    print(f"{args.model} in {model.usual.num_steps} steps: {result.ratio(args.model, loop):.1f} times as many")
    dtype = torch.bfloat16 if torch.cpu.get_capabilities().get("avx512_bf16") else torch.float32
    nets = forwards(dtype)
    passes = contest({name: run for name, (_, run) in nets.items()}, rounds=args.rounds)
    peer = next(iter(nets))
    for name, (num, _) in nets.items():
        print(f"{name:22} {num / 1e6:5.1f} M weights, {str(dtype).removeprefix('torch.')}, one picture of "
              f"{(SIZE_PX // PATCH_PX) ** 2} patches: {1000 / passes.median(name):6.1f} ms, "
              f"{passes.ratio(name, peer):.2f} times as fast")


if __name__ == "__main__":
    main()
