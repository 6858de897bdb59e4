"""A pipeline of the diffusers library through the room: a tiny one with random weights, built here."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import makar
from makar import store
from makar.codecs.picture import encoded, read_picture
from makar.generate.load import forget
from makar.kit.errors import BadInput

diffusers = pytest.importorskip("diffusers", reason="needs pip install 'makar[diffusers]'")
pytest.importorskip("transformers", reason="needs pip install 'makar[diffusers]'")

LOOSE = 'extends = "default"\n[actions]\nnsfw_picture = "release"\nblank_picture = "release"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion of a few thousand weights."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    path = tmp_path_factory.mktemp("pipeline")
    words = ["<|startoftext|>", "<|endoftext|>", *"abcdefghijklmnopqrstuvwxyz", *(f"{c}</w>" for c in
                                                                            "abcdefghijklmnopqrstuvwxyz")]
    (path / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (path / "merges.txt").write_text("#version: 0.2\n")
    import torch

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tokenizer = CLIPTokenizer(str(path / "vocab.json"), str(path / "merges.txt"), model_max_length=16)
        text = CLIPTextModel(CLIPTextConfig(vocab_size=len(words), hidden_size=16, intermediate_size=32,
                                            num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=16,
                                            projection_dim=16, bos_token_id=0, eos_token_id=1, pad_token_id=1))
        pipeline = diffusers.StableDiffusionPipeline(
            vae=diffusers.AutoencoderKL(block_out_channels=(8, 8), in_channels=3, out_channels=3, latent_channels=4,
                                        down_block_types=["DownEncoderBlock2D"] * 2, norm_num_groups=4,
                                        up_block_types=["UpDecoderBlock2D"] * 2),
            text_encoder=text, tokenizer=tokenizer, unet=diffusers.UNet2DConditionModel(
                sample_size=16, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=16,
                norm_num_groups=4, attention_head_dim=2, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D")),
            scheduler=diffusers.DDIMScheduler(), safety_checker=None, feature_extractor=None,
            requires_safety_checker=False)
        pipeline.save_pretrained(path / "saved", safe_serialization=True)
    (path / "saved" / "evil.py").write_text("raise SystemExit('never run')\n")
    (path / "saved" / "unet" / "evil.bin").write_bytes(b"\x80\x04never read")
    return path / "saved"


@pytest.fixture
def stored(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAKAR_OFFLINE", "1")
    (tmp_path / "loose.toml").write_text(LOOSE)
    yield store.add(folder, "scribble", store.Stated("Apache-2.0", "none: its weights are random"))
    forget()


def draw(**settings: Any) -> Any:
    return makar.image("a red dragon", model="scribble", steps=2, policy="loose.toml", mark=False,
                       **{"seed": 5, "size": 32, **settings})


@pytest.mark.filterwarnings("ignore")  # the library's own
def test_a_pipeline_draws_through_the_room_and_its_record_says_what_it_is(stored: store.StoredModel) -> None:
    work = draw()
    pixels = read_picture(work.data)
    assert pixels.shape == (32, 32, 4) and (pixels[..., 3] == 255).all()
    record = work.record
    assert record["checkpoint"] == {"name": "scribble", "sha256": stored.sha256,
                                    "training_data": "none: its weights are random"}
    assert {"blank_picture", "prompt_sexual", "prompt_likeness"} <= {one["check"] for one in record["verdicts"]}
    alone, several = draw(seed=6), draw(n=2)
    assert [one.data for one in several] == [work.data, alone.data] and work.data != alone.data
    assert makar.replay(work.id).same


@pytest.mark.filterwarnings("ignore")
def test_only_weights_and_settings_are_taken_in(stored: store.StoredModel) -> None:
    names = {path.name for path in stored.folder.rglob("*")}
    assert "evil.py" not in names and "evil.bin" not in names and "model_index.json" in names
    assert all(finding.ok for finding in store.verify("scribble").findings)
    kinds = {path.suffix for path in stored.folder.rglob("*") if path.is_file()}
    assert kinds - {".txt"} == {".safetensors", ".json"}  # a tokenizer's merges are a file of their own, or are not


@pytest.mark.filterwarnings("ignore")
def test_it_varies_and_edits_within_a_mask(stored: store.StoredModel, tmp_path: Path) -> None:
    first = draw(size=256)
    settings: dict[str, Any] = {"model": "scribble", "steps": 4, "policy": "loose.toml", "mark": False, "size": 256}
    other = makar.vary_image(first.data, strength=0.5, **settings)
    assert other.data != first.data and makar.replay(other.id).same
    mask = np.zeros((256, 256, 4), np.uint8)
    mask[..., 3], mask[:128, :, :3] = 255, 255
    edited = makar.edit_image(first.data, "a green dragon", mask=encoded(mask, "png"), strength=1.0, **settings)
    before, after = read_picture(first.data), read_picture(edited.data)
    assert (before[128:] == after[128:]).all() and (before[:128] != after[:128]).any()


@pytest.mark.filterwarnings("ignore")
def test_a_pipeline_of_a_kind_that_only_reads_words_says_so(stored: store.StoredModel, folder: Path,
                                                            tmp_path: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    shutil.copytree(folder, tmp_path / "words")
    (tmp_path / "words" / "model_index.json").write_text(json.dumps(index | {"_class_name": "TextToVideoSDPipeline"}))
    store.add(tmp_path / "words", "words")
    with pytest.raises(BadInput, match="draws from words alone"):
        makar.vary_image(draw().data, model="words", policy="loose.toml")


@pytest.mark.filterwarnings("ignore")
def test_what_it_cannot_do_is_said(stored: store.StoredModel, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="unknown style 'flat'"):
        draw(style="flat")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (bare / "weights.bin").write_bytes(b"\x80\x04")
    with pytest.raises(BadInput, match=r"no \.safetensors weights"):
        store.add(bare, "bare")
    assert "bare" not in {entry.name for entry in store.listing()}
