"""Pictures as a platform hands them on, and noise that is made to survive it."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.datasets import load
from bench.errors import UserError
from bench.owner.platforms import parse_platform
from bench.owner.protect import protect
from bench.samples import SampleSet
from bench.spec import Method
from tests.bench.owner import files
from tests.bench.owner.conftest import JobMaker


@pytest.mark.parametrize("text", ["", "jpeg", "jpeg=0", "jpeg=96", "gif=3", "jpeg=85;webp=3", "resize=8", "jpeg=٣"])
def test_another_description_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"through: .*; allowed: jpeg=1 to 95") as error:
        parse_platform(text)
    assert "\n" not in str(error.value)


def test_the_steps_are_those_of_pillow_in_their_order() -> None:
    pixels = files.pixels(size=(90, 120))
    small = Image.fromarray(pixels).resize((60, 45))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=60)
    assert np.array_equal(parse_platform("resize=60,jpeg=60").copy(pixels), np.asarray(Image.open(buffer)))
    assert parse_platform("resize=1080").copy(pixels).shape == pixels.shape


def test_the_gradient_passes_and_the_size_stays() -> None:
    levels = torch.from_numpy(files.pixels().copy()).permute(2, 0, 1).float().requires_grad_(True)
    copied = parse_platform("resize=30,webp=50").pass_through(levels)
    copied.sum().backward()
    assert copied.shape == levels.shape and not torch.equal(copied, levels)
    assert torch.equal(levels.grad, torch.ones_like(levels))


def test_noise_made_through_a_platform_lowers_the_loss_after_it_too(tmp_path: Path, job: JobMaker) -> None:
    SampleSet(load("emoji_smoke", "train")[:8]).save(tmp_path / "mine")
    method = Method(name="hypo", options={"image_steps": 6})
    report = protect(
        tmp_path / "mine", tmp_path / "out", job(method=method, chunk=8, through=parse_platform("jpeg=60"))
    )
    losses = report["losses"]
    assert losses["release"] < losses["clean"] and losses["release_through"] < losses["clean_through"]
    assert report["through"] == "jpeg=60"
