"""A few concepts of the catalogue, with its own pictures."""

from collections import Counter

from bench import datasets
from bench.datasets.identity import dataset_identity


def test_the_few_are_a_part_of_the_catalogue() -> None:
    for split, size in {"train": 96, "validation": 72, "test": 360}.items():
        few, whole = datasets.load("emoji_few", split), {s.id: s for s in datasets.load("emoji_catalog", split)}
        assert len(few) == size
        assert set(Counter(s.answer for s in few).values()) == {size // 24}
        assert all((whole[s.id].pixels == s.pixels).all() for s in few)


def test_the_catalogue_is_still_the_one_of_the_published_runs() -> None:
    """A file beside the catalogue's own would give all their stages new names."""
    assert dataset_identity("emoji_catalog") == "e2ee1cfe77976640"
    assert dataset_identity("emoji_few") != "e2ee1cfe77976640"
