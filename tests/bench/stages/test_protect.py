"""A query of the protector shares no random choice with the release, and its pictures are the trainer's own."""

from pathlib import Path

import numpy as np
import pytest

from bench.samples import SampleSet
from bench.spec import Method, RunSpec
from bench.stages import dataset, protect
from bench.stages.stage import Stage

NOISE = RunSpec(defense=Method(name="random_noise"), attack=Method(name="none"), dataset="emoji_smoke")
COUNT = 16


def noise(stage: Stage, split: str) -> np.ndarray:
    """Return what a stage added to the pictures of a split, in the order in which it drew, (N, H, W, 3)."""
    clean = {s.id: s.pixels.astype(int) for s in SampleSet.load(dataset.stage("emoji_smoke", split).make().folder)}
    made = SampleSet.load(stage.make().folder)
    assert {s.id for s in made} <= clean.keys()
    return np.stack([s.pixels - clean[s.id] for s in made][:COUNT])


def test_a_query_does_not_hand_over_the_noise_of_the_release(bench_home: Path) -> None:
    released = noise(protect.stage(NOISE), "train")
    queried = noise(protect.stage(NOISE, "validation", COUNT), "validation")
    assert np.abs(released).max() == np.abs(queried).max() == 8
    assert abs(np.corrcoef(released.ravel(), queried.ravel())[0, 1]) < 0.01
    assert np.mean(released == queried) == pytest.approx(1 / 17, abs=0.01)


def test_a_query_is_named_by_its_own_draw_and_the_release_by_the_seed() -> None:
    release, query = protect.stage(NOISE).payload["seed"], protect.stage(NOISE, "validation", COUNT).payload["seed"]
    assert release == 0 and query != release
    other = [
        protect.stage(NOISE.model_copy(update={"seed": 1}), "validation", COUNT),
        protect.stage(NOISE, "validation", 8),
    ]
    assert all(stage.payload["seed"] != query for stage in other)
