"""The three splits of the owner's concepts: sizes, disjointness, and the same pixels every time."""

from collections import Counter

import pytest

from bench import datasets
from bench.datasets.emoji import catalog
from bench.datasets.emoji.art import concepts, held_out_indices, owner_indices, pretraining_indices
from bench.datasets.emoji.questions import NAMING
from bench.samples import SampleSet

SIZES = {"train": 650, "validation": 325, "test": 975}


@pytest.fixture(scope="module")
def splits() -> dict[str, SampleSet]:
    """Load all splits once."""
    return {split: datasets.load("emoji_catalog", split) for split in SIZES}


@pytest.mark.parametrize("split", SIZES)
def test_a_split_asks_for_every_owners_concept_equally_often(splits: dict[str, SampleSet], split: str) -> None:
    samples = splits[split]
    count = Counter(sample.answer for sample in samples)
    assert len(samples) == SIZES[split]
    assert set(count) == {concepts()[i].name for i in owner_indices()}
    assert set(count.values()) == {SIZES[split] // 65}
    assert set(count).isdisjoint(concepts()[i].name for i in pretraining_indices())
    assert {sample.question for sample in samples} == set(NAMING)


def test_no_rendering_is_seen_twice(splits: dict[str, SampleSet]) -> None:
    every = [sample for split in splits.values() for sample in split]
    assert len({s.pixels.tobytes() for s in every}) == len(every)
    assert len({s.id for s in every}) == len({s.image_id for s in every}) == len(every)


def test_a_split_is_the_same_every_time(splits: dict[str, SampleSet]) -> None:
    assert catalog.load("validation").digest == splits["validation"].digest


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(Exception, match="dev"):
        catalog.load("dev")


def test_the_smoke_set_is_small_and_of_held_out_concepts() -> None:
    names = {concepts()[i].name for i in held_out_indices()}
    for split, size in {"train": 96, "validation": 24, "test": 96}.items():
        smoke = datasets.load("emoji_smoke", split)
        assert len(smoke) == size
        assert len({s.answer for s in smoke}) == 24
        assert {s.answer for s in smoke} <= names
