"""What every test stands on: no hub, two threads, a home and a database of its own, two random-weight victims."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["BENCH_THREADS"] = "1"  # instead of what the process that started this one has set below
os.environ.setdefault("BENCH_THREADS", "2")
os.environ.pop("BENCH_RESULTS", None)

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from PIL import Image

from bench.datasets.emoji.art import concepts, held_out_indices
from bench.datasets.emoji.catalog import renderings
from bench.datasets.emoji.render import render
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import family_class
from bench.lvlm.catalog import load as load_lvlm
from bench.lvlm.embedded import build
from bench.lvlm.embedded.pretrain import corpus
from bench.lvlm.embedded.recipes import RECIPES
from bench.runtime import prepare, seed_everything
from bench.samples import SampleSet

settings.register_profile("bench", deadline=None, max_examples=40, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=5000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "bench"))

ODD_SIZES = ((37, 51), (64, 64), (90, 41))
"""Heights and widths that no patch size divides, smaller and larger than the embedded models' 48 pixels."""


@pytest.fixture(scope="session", autouse=True)
def _runtime(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["BENCH_HOME"] = str(tmp_path_factory.mktemp("home"))
    prepare()


@pytest.fixture
def bench_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """What the embedded tokenizers are trained on."""
    return corpus()


def random_lvlm(name: str, texts: list[str]) -> LVLM:
    """An embedded victim before its pretraining.

    Its matrices are five times as large as the initialiser's, so that attention is not uniform and outputs depend
    on every input: with nearly constant outputs wrong code would pass.
    """
    recipe = RECIPES[name]
    seed_everything(recipe.seed)
    tokenizer = build.tokenizer(recipe, texts)
    model = build.model(recipe, tokenizer)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(5)
    return family_class(recipe.family)(name, "random", model, tokenizer, build.image_processor(recipe))


def _kept(lvlm: LVLM) -> Iterator[LVLM]:
    """Lend a model to the tests of a session, and make sure that it comes back as it was."""
    before = {key: value.clone() for key, value in lvlm.model.state_dict().items()}
    yield lvlm
    after = lvlm.model.state_dict()
    assert before.keys() == after.keys(), "a test left modules in the shared model"
    assert all(torch.equal(before[key], after[key]) for key in before), "a test changed the shared weights"


@pytest.fixture(scope="session")
def llava(texts: list[str]) -> Iterator[LVLM]:
    """A LLaVA with random weights."""
    yield from _kept(random_lvlm("tiny-llava-a", texts))


@pytest.fixture(scope="session")
def qwen(texts: list[str]) -> Iterator[LVLM]:
    """A Qwen3-VL with random weights."""
    yield from _kept(random_lvlm("tiny-qwen3vl", texts))


@pytest.fixture(scope="session")
def victim() -> Iterator[LVLM]:
    """The embedded victim that most tests of methods play on."""
    yield from _kept(load_lvlm("tiny-llava-a"))


@pytest.fixture(scope="session")
def samples() -> SampleSet:
    """Eight renderings of each of three held-out concepts."""
    return renderings("train", held_out_indices()[:3], 8)


@pytest.fixture(params=["llava", "qwen"])
def lvlm(request: pytest.FixtureRequest) -> LVLM:
    """Each family in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """(H, W, 3) uint8: for each odd size one resized rendering and one of random noise."""
    rng = np.random.default_rng(7)
    made = []
    for i, (height, width) in enumerate(ODD_SIZES):
        art = concepts()[100 * i].art
        rendering = Image.fromarray(render(art, rng).pixels).resize((width, height), Image.Resampling.BICUBIC)
        made += [np.asarray(rendering), rng.integers(0, 256, (height, width, 3), dtype=np.uint8)]
    return made


@pytest.fixture(scope="session")
def tensors(pictures: list[np.ndarray]) -> list[torch.Tensor]:
    """The same pictures as (3, H, W) float levels."""
    return [torch.from_numpy(p.copy()).permute(2, 0, 1).float() for p in pictures]
