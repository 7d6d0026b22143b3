"""The split rule: near-duplicates are never in two splits, and the splits of the source are respected."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.datasets.near_duplicates import MAX_DISTANCE, group_near_duplicates
from bench.datasets.splits import CAPS, SHARES, SPLITS, Crossing, Picture, assign, find_crossings

POOLED = {"val": ("train", "validation", "test")}
OFFICIAL = {"train": ("train",), "validation": ("validation",), "test": ("test",)}
NO_TEST = {"train": ("train", "validation"), "validation": ("test",)}
EVERYTHING = dict.fromkeys(SPLITS, 10**9)


def flipped(value: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """A hash that differs in `count` bits."""
    bits = np.unpackbits(value.view(np.uint8))
    bits[rng.choice(256, count, replace=False)] ^= 1
    return np.packbits(bits).view(np.uint64)


def pictures(seed: int, count: int, sources: list[str], copies: float = 0.3) -> list[Picture]:
    """Pictures of all sources, of which a share are near-duplicates of an earlier one, of any source."""
    rng, drawn = np.random.default_rng(seed), []
    for number in range(count):
        value = np.frombuffer(rng.bytes(32), np.uint64)
        if drawn and rng.random() < copies:
            value = flipped(drawn[rng.integers(len(drawn))].hash, int(rng.integers(0, MAX_DISTANCE + 1)), rng)
        drawn.append(Picture(f"p{number}", str(rng.choice(sources)), value, int(rng.integers(1, 6))))
    return drawn


@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([POOLED, OFFICIAL, NO_TEST]), st.integers(1, 200))
def test_a_group_stands_in_one_split_and_sources_and_caps_are_kept(
    seed: int, count: int, roles: dict[str, tuple[str, ...]], cap: int
) -> None:
    drawn = pictures(seed, count, list(roles))
    caps = dict.fromkeys(SPLITS, cap)
    result = assign(drawn, roles, caps)
    where: dict[int, set[str]] = defaultdict(set)
    held: Counter[str] = Counter()
    for picture, label in zip(
        drawn, group_near_duplicates(np.array([p.hash for p in drawn]).reshape(-1, 4)), strict=True
    ):
        if (split := result.split.get(picture[:2])) is not None:
            where[label].add(split)
            held[split] += picture.samples
            assert split in roles[picture.source]
    assert all(len(splits) == 1 for splits in where.values())
    assert all(held[split] <= cap for split in SPLITS)
    hashes = {s: {p.id: p.hash for p in drawn if result.split.get(p[:2]) == s} for s in SPLITS}
    assert find_crossings(hashes) == []


@given(st.integers(0, 2**32), st.sampled_from([POOLED, OFFICIAL, NO_TEST]), st.randoms())
def test_the_order_of_files_and_rows_does_not_matter(seed: int, roles: dict, random) -> None:
    drawn = pictures(seed, 40, list(roles))
    mixed = drawn.copy()
    random.shuffle(mixed)
    assert assign(drawn, roles) == assign(mixed, roles)


def test_a_training_picture_that_is_nearly_a_test_picture_is_dropped_and_counted() -> None:
    rng = np.random.default_rng(0)
    test = Picture("t", "test", np.frombuffer(rng.bytes(32), np.uint64), 1)
    near = Picture("n", "train", flipped(test.hash, MAX_DISTANCE, rng), 1)
    far = Picture("f", "train", flipped(test.hash, MAX_DISTANCE + 1, rng), 1)
    result = assign([near, far, test], OFFICIAL)
    assert result.split == {("t", "test"): "test", ("f", "train"): "train"}
    assert result.dropped == {"train": 1}


def test_a_chain_of_near_duplicates_is_one_group() -> None:
    """The ends differ in more bits than MAX_DISTANCE; but they still count as one picture."""
    rng = np.random.default_rng(0)
    chain = [np.frombuffer(rng.bytes(32), np.uint64)]
    bits = rng.permutation(256)
    for step in range(4):
        value = np.unpackbits(chain[-1].view(np.uint8))
        value[bits[step * MAX_DISTANCE : (step + 1) * MAX_DISTANCE]] ^= 1
        chain.append(np.packbits(value).view(np.uint64))
    sources = ["train", "train", "train", "train", "test"]
    result = assign([Picture(f"c{i}", s, h, 1) for i, (s, h) in enumerate(zip(sources, chain, strict=True))], OFFICIAL)
    assert result.split == {("c4", "test"): "test"} and result.dropped == {"train": 4}


def test_what_the_source_leaves_undivided_is_divided_by_the_shares() -> None:
    drawn = pictures(1, 2000, ["val"], copies=0.0)
    result = assign(drawn, POOLED, EVERYTHING)
    held: Counter[str] = Counter()
    for picture in drawn:
        held[result.split[picture[:2]]] += picture.samples
    total = sum(held.values())
    for split, share in SHARES.items():
        assert held[split] / total == pytest.approx(share, abs=0.005)
    assert sum(SHARES.values()) == pytest.approx(1)


def test_the_same_picture_in_two_splits_of_a_pool_goes_to_one() -> None:
    """VQA-RAD's own splits share most of their pictures: the pool is divided again, and nothing is dropped."""
    rng = np.random.default_rng(3)
    hashes = [np.frombuffer(rng.bytes(32), np.uint64) for _ in range(50)]
    drawn = [Picture(f"p{i}", source, h, 1) for i, h in enumerate(hashes) for source in ("train", "test")]
    result = assign(drawn, dict.fromkeys(("train", "test"), SPLITS))
    assert len(result.split) == 100 and not result.dropped
    assert all(result.split[f"p{i}", "train"] == result.split[f"p{i}", "test"] for i in range(50))
    assert set(result.split.values()) == set(SPLITS)


def test_a_picture_with_more_questions_than_there_is_room_is_passed_over() -> None:
    rng = np.random.default_rng(3)
    drawn = [Picture(f"p{i}", "test", np.frombuffer(rng.bytes(32), np.uint64), n) for i, n in enumerate((3, 9, 3, 3))]
    result = assign(drawn, OFFICIAL, {**CAPS, "test": 8})
    assert sum(p.samples for p in drawn if p[:2] in result.split) == 6


def test_crossing_names_both_pictures_and_the_distance() -> None:
    rng = np.random.default_rng(5)
    one, two = (np.frombuffer(rng.bytes(32), np.uint64) for _ in range(2))
    splits = {
        "train": {"a": one, "b": two},
        "validation": {"c": np.frombuffer(rng.bytes(32), np.uint64)},
        "test": {"d": flipped(one, 5, rng), "e": two, "f": flipped(two, MAX_DISTANCE + 1, rng)},
    }
    assert find_crossings(splits) == [Crossing("test", "e", "train", "b", 0), Crossing("test", "d", "train", "a", 5)]
    assert find_crossings({"train": splits["train"], "test": {}}) == []
    assert find_crossings({"train": {"a": one, "again": one}}) == []
