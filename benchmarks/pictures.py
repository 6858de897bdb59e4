"""Pictures beside others who draw them: one forward pass beside diffusers' DiT, and a race against the clock.

race: the Transformer of the recipe `image/icons_cpu`, diffusers' example of unconditional training (a U-Net by DDPM
with an average of its weights; drawn by DDIM) and smalldiffusion's DiT learn from one pack, with about as many
weights, for as many minutes of their process's own processor time on one core; drawing is not counted. Each draws 160
pictures, and the Fréchet distance to as many that were held out is taken as `makar eval image` takes it. The others
know no words, so Makar's are drawn twice: asked for nothing, and asked for what was held out.

few: what the model draws in four steps, and how fast, beside the same model in 50 steps of Heun, walked by PyTorch as a
diffusers pipeline does it. The Fréchet distance is to held-out pictures, of one seed each.

start: a command that draws one picture, from a cold start to its file, beside the import of PyTorch alone; and one
picture more from a process that is warm, both with all that a release takes: checks, mark, signature, ledger.

Run: python benchmarks/pictures.py forward
     python benchmarks/pictures.py few --data PACK [--model icons-32]
     python benchmarks/pictures.py start
     python benchmarks/pictures.py race --data PACK [--minutes 10] [--only makar,diffusers,smalldiffusion]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from trial import contest, machine

from makar.codecs.pack import open_pack
from makar.codecs.picture import Pixels
from makar.codecs.pixels import to_pixels
from makar.generate.load import load
from makar.methods.flow import SAMPLERS, euler, steps
from makar.native.pictures import Asked, picture_net
from makar.native.pictures import PictureNet as Drawing
from makar.nets.patches import Condition, initialised
from makar.nets.relay import net_of
from makar.nets.shapes import Patches
from makar.nets.shards import load_shards, quantised, save_shards
from makar.recipes.image import icons_cpu
from makar.rooms.image import ROOM, ImageRequest, ImageSampling
from makar.rooms.image.drawing import denoiser, noise
from makar.rooms.image.features import Features
from makar.rooms.image.measures import frechet
from makar.rooms.image.models import PictureModel
from makar.rooms.image.request import FEW
from makar.store import stored
from makar.store.shards import Quantised, load_arrays
from makar.train.pictures.data import load_pictures, values_of
from makar.train.pictures.loop import at_one_time, take_step
from makar.train.pictures.run import open_session, prepare

SIZE_PX, CHANNELS, DRAWN_AT_ONCE, MOST_DRAWN = 32, 4, 32, 160
BATCH = 16
"""Of the others, as in diffusers' example; smalldiffusion's 1,024 would be a step or two a minute on a processor."""
CPU = torch.device("cpu")
QUICK = ImageSampling(num_steps=4, times=FEW[4][0], guidance=FEW[4][1], tries=16)
LONG = ImageSampling(num_steps=50, guidance=3.0, solver="heun")
Draw = Callable[[int], Tensor]
"""Makes that many pictures as values. Shapes: -> (num, 4, S, S)"""
Contestant = tuple[int, Callable[[float], None], Mapping[str, Draw]]
"""How many weights it has, one step of its training (given the share of its time that is over), how it draws."""


def makar(pack: Path, work: Path) -> Contestant:
    """The recipe for a processor without its second net, one part of a step after the other."""
    recipe = icons_cpu.config()
    config = dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, early=None), batch=64, workers=1)
    session = open_session(prepare(work / "makar", config, pack))
    rate, held_out, net = session.config.optimise.rate or 0.0, session.held_out, session.net
    assert held_out is not None, "the pack holds nothing out"

    def step(done_frac: float) -> None:
        warm = min(1.0, (session.clock.step + 1) / 100)
        take_step(session, warm * rate * min(1.0, 2 * (1 - done_frac)))
        session.clock.step += 1

    def drawn(num: int, asked: Condition) -> Tensor:
        start = torch.randn(num, CHANNELS, SIZE_PX, SIZE_PX, generator=torch.Generator().manual_seed(1))
        parts = [euler(denoiser(at_one_time(session.averaged), asked.of(at), 3.0), start[at], steps(16))
                 for at in torch.arange(num).split(DRAWN_AT_ONCE)]
        return torch.cat(parts)

    def prompted(num: int) -> Tensor:
        rows = _spread(len(held_out), num)
        return drawn(num, held_out.asked(held_out.phrases[rows, 0], held_out.looks[rows, 0]))

    def unprompted(num: int) -> Tensor:
        rows = torch.zeros(num, dtype=torch.long)
        asked = held_out.asked(held_out.phrases[rows, 0], rows)
        return drawn(num, Condition(torch.zeros_like(asked.words), torch.zeros_like(asked.present), asked.looks))

    return _num_weights(net), step, {"makar, asked for nothing": unprompted, "makar, asked": prompted}


def diffusers(pack: Path, work: Path) -> Contestant:
    """The example's net at a quarter of its width, its optimiser, rates, batch of 16 and average."""
    from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
    from diffusers.training_utils import EMAModel

    net = UNet2DModel(sample_size=SIZE_PX, in_channels=CHANNELS, out_channels=CHANNELS, layers_per_block=2,
                      block_out_channels=(32, 32, 64, 64, 128, 128),
                      down_block_types=(*["DownBlock2D"] * 4, "AttnDownBlock2D", "DownBlock2D"),
                      up_block_types=("UpBlock2D", "AttnUpBlock2D", *["UpBlock2D"] * 4))
    adamw = torch.optim.AdamW(net.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8)
    average = EMAModel(net.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=0.75)
    noises, batch = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear"), _batches(pack, BATCH)
    num = 0

    def step(done_frac: float) -> None:
        nonlocal num
        for group in adamw.param_groups:
            group["lr"] = 1e-4 * min(1.0, (num + 1) / 500) * 0.5 * (1 + math.cos(math.pi * done_frac))
        clean = batch()
        if torch.rand(()) < 0.5:
            clean = clean.flip(-1)
        noise, at = torch.randn_like(clean), torch.randint(1000, (len(clean),))
        torch.nn.functional.mse_loss(net(noises.add_noise(clean, noise, at), at).sample, noise).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad()
        average.step(net.parameters())
        num += 1

    def draw(num: int) -> Tensor:
        average.store(net.parameters())
        average.copy_to(net.parameters())
        way = DDIMScheduler.from_config(noises.config)
        way.set_timesteps(25)
        random, found = torch.Generator().manual_seed(1), []
        for at in torch.arange(num).split(DRAWN_AT_ONCE):
            z = torch.randn(len(at), CHANNELS, SIZE_PX, SIZE_PX, generator=random)
            for t in way.timesteps:
                z = way.step(net(z, t).sample, t, z).prev_sample
            found.append(z)
        average.restore(net.parameters())
        return torch.cat(found)

    return _num_weights(net), step, {"diffusers' example": draw}


def smalldiffusion(pack: Path, work: Path) -> Contestant:
    """Its DiT in patches of 4 pixels, with the noise, optimiser, average and sampler of its example of one."""
    from accelerate import Accelerator
    from smalldiffusion import DiT, ScheduleDDPM, generate_train_sample, samples

    net, schedule = DiT(SIZE_PX, CHANNELS, 4, depth=5, head_dim=32, num_heads=8), ScheduleDDPM()
    here, adamw, batch = Accelerator(cpu=True), torch.optim.AdamW(net.parameters(), lr=1e-3), _batches(pack, BATCH)
    average = [weight.detach().clone() for weight in net.parameters()]

    def step(done_frac: float) -> None:
        adamw.zero_grad()
        clean = batch()
        clean = torch.where(torch.rand(len(clean), 1, 1, 1) < 0.5, clean, clean.flip(-1))
        clean, sigma, noise, _ = generate_train_sample(clean, schedule)
        net.get_loss(clean, sigma, noise).backward()
        adamw.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(net.parameters()), 0.01)

    def draw(num: int) -> Tensor:
        with torch.no_grad():
            torch._foreach_copy_(list(net.parameters()), average)
        parts = [samples(net, schedule.sample_sigmas(20), gam=1.6, batchsize=len(at), accelerator=here)
                 for at in torch.arange(num).split(DRAWN_AT_ONCE)]
        return torch.cat([list(part)[-1] for part in parts])

    return _num_weights(net), step, {"smalldiffusion's DiT": draw}


CONTESTANTS: Mapping[str, Callable[[Path, Path], Contestant]] = {
    "makar": makar, "diffusers": diffusers, "smalldiffusion": smalldiffusion}


def _spread(total: int, num: int) -> Tensor:
    return torch.linspace(0, total - 1, num).long()


def _num_weights(net: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters() if weight.requires_grad)


def _batches(pack: Path, num: int) -> Callable[[], Tensor]:
    pixels = load_pictures(open_pack(pack), "train", SIZE_PX, 8, CPU).pixels
    return lambda: values_of(pixels[torch.randint(len(pixels), (num,))])


def race(pack: Path, minutes: float, names: list[str]) -> None:
    """Trains one after the other and prints how far the pictures of each are from those that were held out."""
    torch.set_num_threads(1)
    features = Features()

    def seen(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.stack([features.of(one) for one in pictures])

    held_out = load_pictures(open_pack(pack), "held_out", SIZE_PX, 8, CPU).pixels
    real = seen(held_out[_spread(len(held_out), min(MOST_DRAWN, len(held_out)))].numpy())
    print(f"{machine()}\n{len(real)} pictures held out; {minutes:g} minutes of one core each", flush=True)
    for name in names:
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as work:
            num_weights, step, ways = CONTESTANTS[name](pack, Path(work))
            num, start_s, limit_s = 0, time.process_time(), 60 * minutes
            while (spent_s := time.process_time() - start_s) < limit_s:
                step(spent_s / limit_s)
                num += 1
            for way, draw in ways.items():
                with torch.no_grad():
                    made = seen(to_pixels(draw(len(real)).numpy()))
                print(f"{way:<26} {num_weights / 1e6:4.1f} M weights  {num:>6,} steps  Fréchet distance "
                      f"{frechet(real, made):6.1f}", flush=True)


def forward() -> None:
    """One pass of 33 million weights over 64 patches, one picture: as Makar draws, and diffusers' DiT, not compiled."""
    from diffusers import DiTTransformer2DModel

    shape = Patches(size_px=64, patch_px=8, dim=512, num_layers=10, num_looks=30, word_dim=64, hidden_dim=1344,
                    context_tok=16)
    learned = initialised(shape, 0)
    dit = DiTTransformer2DModel(num_attention_heads=6, attention_head_dim=64, in_channels=4, num_layers=12,
                                sample_size=16, patch_size=2).eval()
    print(f"{machine()}\n{_num_weights(learned) / 1e6:.1f} M weights in int8, 64 patches and 16 words; diffusers' DiT "
          f"{_num_weights(dit) / 1e6:.1f} M, 64 patches")
    net = picture_net(shape, _in_int8(learned))
    for dtype in (torch.bfloat16, torch.float32):
        found = contest(_passes(net, dit.to(dtype), dtype), rounds=9)
        print(f"{found.median('makar'):6.1f} passes/s, diffusers' DiT in {str(dtype).removeprefix('torch.')} "
              f"{found.median('diffusers'):6.1f}: {found.ratio('makar', 'diffusers'):.2f}x  ({found.rounds})",
              flush=True)


def _in_int8(net: torch.nn.Module) -> Mapping[str, NDArray[np.float32] | Quantised]:
    """Weights as a checkpoint keeps them."""
    with tempfile.TemporaryDirectory() as folder:
        save_shards(Path(folder), "weights", quantised(dict(net.named_parameters())), {})
        return load_arrays(Path(folder), "weights")[0]


def few(pack: Path, name: str) -> None:
    """Distances first, then pictures per second, one at a time."""
    opened = open_pack(pack)
    held_out, features = load_pictures(opened, "held_out", SIZE_PX, 8, CPU), Features()
    rows = _spread(len(held_out), MOST_DRAWN)
    asked = held_out.asked(held_out.phrases[rows, 0], held_out.looks[rows, 0])
    start = torch.from_numpy(noise(1, (len(rows), CHANNELS, SIZE_PX, SIZE_PX)))
    real = np.stack([features.of(one) for one in held_out.pixels[rows].numpy()])
    model: PictureModel = load(ROOM, name)
    quick = QUICK if model.usual.num_steps > QUICK.num_steps else model.usual
    loop = _drawing(name, LONG)
    requests = [ImageRequest(opened.words.phrases[phrase], name, opened.looks[look - 1],
                             sampling=dataclasses.replace(quick, seed=seed))
                for seed, (phrase, look) in enumerate(zip(held_out.phrases[rows, 0].tolist(),
                                                          held_out.looks[rows, 0].tolist(), strict=True))]

    def drawn(request: ImageRequest) -> Pixels:
        _, pixels = next(model.pictures(request))
        return pixels

    print(f"{machine()}\n{len(rows)} held-out prompts, one seed each", flush=True)
    parts = [loop(start[at], asked.of(at)) for at in torch.arange(len(rows)).split(DRAWN_AT_ONCE)]
    for way, pictures in ((f"{quick.num_steps} steps, {quick.tries} tries", map(drawn, requests)),
                          ("50 steps of Heun", iter(to_pixels(torch.cat(parts).numpy())))):
        distance = frechet(real, np.stack([features.of(one) for one in pictures]))
        print(f"{way:<17} Fréchet distance {distance:6.1f}", flush=True)
    one = asked.of(torch.tensor([0]))

    def ours() -> float:
        for request in requests[:20]:
            drawn(request)
        return 20.0

    def theirs() -> float:
        loop(start[:1], one)
        return 1.0

    found = contest({"makar": ours, "loop": theirs}, rounds=9)
    print(f"prompt to pixels: {found.median('makar'):.1f} pictures/s in {quick.num_steps} steps, "
          f"{found.median('loop'):.2f} in 50 of Heun: {found.ratio('makar', 'loop'):.1f}x  ({found.rounds})")


def _drawing(name: str, sampling: ImageSampling) -> Callable[[Tensor, Condition], Tensor]:
    """A stored model in PyTorch, many pictures at once."""
    folder = stored(name).folder
    net = net_of(json.loads((folder / "model.json").read_text())["architecture"])
    weights = load_shards(folder, "weights")[0]
    net.load_state_dict({key: weights[key].float() for key in net.state_dict()})

    @torch.inference_mode()
    def drawn(z: Tensor, asked: Condition) -> Tensor:
        found: Tensor = SAMPLERS[sampling.solver](denoiser(at_one_time(net), asked, sampling.guidance), z,
                                                   sampling.grid)
        return found

    return drawn


def start(rounds: int = 9) -> None:
    """Each round: a cold start, the import of PyTorch alone, and ten pictures of a warm process."""
    import makar as package

    package.image("a red apple", style="flat")
    found: dict[str, list[float]] = {"cold start to file": [], "import torch, alone": [], "one more, warm": []}
    with tempfile.TemporaryDirectory() as work:
        told = [sys.executable, "-m", "makar.cli", "image", "a red apple", "--style", "flat", "-o", f"{work}/a.png"]
        for _ in range(rounds):
            for name, words in (("cold start to file", told), ("import torch, alone", [sys.executable, "-c",
                                                                                         "import torch"])):
                begin_s = time.perf_counter()
                subprocess.run(words, check=True, capture_output=True)
                found[name].append(time.perf_counter() - begin_s)
            begin_s = time.perf_counter()
            for seed in range(10):
                package.image("a red apple", style="flat", seed=seed)
            found["one more, warm"].append((time.perf_counter() - begin_s) / 10)
    print(machine())
    for name, spent_s in found.items():
        print(f"{name:<20} {statistics.median(spent_s):.2f} s, median of {rounds}; {min(spent_s):.2f} to "
              f"{max(spent_s):.2f}")


def _passes(net: Drawing, dit: torch.nn.Module, dtype: torch.dtype) -> dict[str, Callable[[], float]]:
    random = np.random.default_rng(0)
    words, z = (random.standard_normal(shape).astype(np.float32) for shape in ((1, 16, 64), (1, 4, 64, 64)))
    asked = Asked(words, np.ones((1, 16), np.bool_), np.array([1]))
    latents, moment, kind = torch.randn(1, 4, 16, 16, dtype=dtype), torch.tensor([300]), torch.tensor([7])

    def ours() -> float:
        for _ in range(20):
            net(z, 0.3, asked)
        return 20.0

    @torch.inference_mode()
    def theirs() -> float:
        for _ in range(20):
            dit(latents, moment, class_labels=kind)
        return 20.0

    return {"makar": ours, "diffusers": theirs}


def main() -> None:
    """Runs one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("forward", "few", "race", "start"))
    parser.add_argument("--data", type=Path, help="the pack to learn from")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", default=",".join(CONTESTANTS))
    parser.add_argument("--model", default="icons-32")
    args = parser.parse_args()
    if args.part == "forward":
        forward()
    elif args.part == "start":
        start()
    elif args.data is None:
        parser.error(f"{args.part} needs --data PACK, such as makar train image/icons_cpu makes")
    elif args.part == "few":
        few(args.data, args.model)
    else:
        race(args.data, args.minutes, args.only.split(","))


if __name__ == "__main__":
    main()
