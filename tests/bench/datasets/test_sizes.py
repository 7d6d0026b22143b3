"""Typical sizes: those of embedded sets are exact, those of the hub follow from rows, split rule and caps."""

import pytest

from bench import datasets
from bench.datasets.cards import EMBEDDED, HUB
from bench.datasets.sizes import TYPICAL, split_size
from bench.datasets.splits import CAPS, SHARES, SPLITS


def test_every_named_data_set_has_a_size() -> None:
    assert TYPICAL.keys() == EMBEDDED.keys() | HUB.keys()


@pytest.mark.parametrize("name", ["emoji_smoke", "tags", "photos"])
def test_embedded_ones_are_as_large_as_they_say(name: str) -> None:
    for split in SPLITS:
        samples = datasets.load(name, split)
        assert split_size(name, split) == (len(samples), *samples[0].pixels.shape[:2])


@pytest.mark.parametrize(("name", "rows"), [("realworldqa", 765), ("mmstar", 1500), ("vqa-rad", 2244)])
def test_sets_that_are_divided_as_a_whole_follow_the_shares(name: str, rows: int) -> None:
    for split in SPLITS:
        assert split_size(name, split).samples == pytest.approx(min(CAPS[split], rows * SHARES[split]), abs=1)


@pytest.mark.parametrize("name", sorted(HUB))
def test_no_split_is_over_its_cap(name: str) -> None:
    assert all(0 < split_size(name, split).samples <= CAPS[split] for split in SPLITS)
    assert 0 < max(split_size(name, "train")[1:]) <= 1024, "sides are reduced to that"
