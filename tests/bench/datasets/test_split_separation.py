"""No embedded picture is in two splits, and neither is a near-duplicate of one."""

import pytest

from bench.datasets import load
from bench.datasets.near_duplicates import perceptual_hash
from bench.datasets.splits import SPLITS, find_crossings


@pytest.mark.parametrize("name", ["emoji_catalog", "photos", "scenes", "tags"])
def test_the_splits_of_an_embedded_set_share_no_near_duplicate(name: str) -> None:
    pictures = {split: {s.image_id: s.pixels for s in load(name, split)} for split in SPLITS}
    hashes = {split: {id_: perceptual_hash(p) for id_, p in result.items()} for split, result in pictures.items()}
    assert find_crossings(hashes) == []
    again = {**hashes, "test": {**hashes["test"], "planted": next(iter(hashes["train"].values()))}}
    assert [pair.id_a for pair in find_crossings(again)] == ["planted"]
