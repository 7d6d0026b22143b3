"""A release is diluted in public pictures of other things."""

import numpy as np
import pytest

from attacks.parts import PARTS, Knowledge
from bench.datasets import load
from bench.datasets.emoji.art import concepts, owner_indices
from bench.samples import SampleSet
from bench.spec import Method


@pytest.mark.parametrize("times", [0.25, 1, 3])
def test_public_pictures_are_added_and_show_no_concept_of_the_owner(times: float) -> None:
    released = SampleSet(load("emoji_smoke", "train")[:40])
    part = PARTS.build(Method(name="dilute", options={"times": times}))
    knowledge = Knowledge(victim=None, validation=SampleSet(()))  # type: ignore[arg-type]
    done = part.prepare(released, knowledge, np.random.default_rng(0))
    added = done[len(released) :]
    assert done[: len(released)] == released.samples and len(added) == times * len(released)
    assert len({s.image_id for s in done}) == len({s.image_id for s in released}) + len(added)
    owned = {concepts()[index].name for index in owner_indices()}
    assert not owned & {s.answer for s in added}
