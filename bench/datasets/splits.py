"""The split rule: divide pictures into train (owner), validation (trainer) and test (judge).

No picture is in two splits, and the rule is fixed. Near-duplicate pictures form a group
(`bench.datasets.near_duplicates`), and a group goes to one split as a whole. Splits of the source are respected: a
group with one of its test pictures goes to the test, and the group's other pictures are dropped. Pictures that the
source does not divide are divided by SHARES. Their order comes from a hash of SEED and the pictures' ids, so the order
of files or rows does not matter.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from bench.datasets.near_duplicates import find_near_duplicates, group_near_duplicates

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

SEED = 20_260_514
SHARES = {"train": 0.45, "validation": 0.15, "test": 0.40}
CAPS = {"train": 2000, "validation": 300, "test": 1000}
"""Most samples of a split: they fit in memory, and 1,000 test items tell 4.4 points apart (`bench power`)."""

Roles = Mapping[str, tuple[Split, ...]]
"""Our splits that each split of the source feeds. Source splits that feed the same ones are divided together."""


class Picture(NamedTuple):
    """A picture of the source: its id, its source split, its hash (4,) uint64, and the number of samples about it."""

    id: str
    source: str
    hash: np.ndarray
    samples: int


class Crossing(NamedTuple):
    """Two near-duplicate pictures in different splits, and the number of bits in which their hashes differ."""

    split_a: str
    id_a: str
    split_b: str
    id_b: str
    distance: int


class Assignment(NamedTuple):
    """The split of each used picture by (id, source split), and the number of near-duplicates dropped by source."""

    split: dict[tuple[str, str], Split]
    dropped: Counter[str]


def assign(pictures: Sequence[Picture], roles: Roles, caps: Mapping[str, int] = CAPS) -> Assignment:
    """Assign every picture to a split. Pictures beyond the `caps`, which count samples, are not used."""
    by_group: dict[int, list[Picture]] = defaultdict(list)
    for picture, label in zip(pictures, group_near_duplicates(_stack(p.hash for p in pictures)), strict=True):
        by_group[label].append(picture)
    pools: dict[tuple[Split, ...], list[list[Picture]]] = defaultdict(list)
    dropped: Counter[str] = Counter()
    for members in by_group.values():
        home = max((roles[p.source] for p in members), key=_lateness)
        dropped.update(p.source for p in members if roles[p.source] != home)
        pools[home].append(sorted((p for p in members if roles[p.source] == home), key=lambda p: p[:2]))
    chosen: dict[tuple[str, str], Split] = {}
    for home in sorted(pools, key=_lateness):
        for split, parts in _divide(sorted(pools[home], key=_order), home).items():
            chosen.update({(p.id, p.source): split for p in _capped(parts, caps[split])})
    return Assignment(chosen, dropped)


def _lateness(home: tuple[Split, ...]) -> tuple[int, ...]:
    """Return a key that orders source splits by the splits they feed: one that feeds only the test comes last."""
    return tuple(sorted(SPLITS.index(split) for split in home))


def _order(group: list[Picture]) -> str:
    return hashlib.sha256(f"{SEED}:{group[0].id}".encode()).hexdigest()


def _divide(ordered: list[list[Picture]], home: tuple[Split, ...]) -> dict[Split, list[list[Picture]]]:
    """Give each group to the split that so far holds the smallest part of its share of the samples."""
    parts: dict[Split, list[list[Picture]]] = {split: [] for split in home}
    held = dict.fromkeys(home, 0)
    for group in ordered:
        split = min(home, key=lambda s: held[s] / SHARES[s])
        parts[split].append(group)
        held[split] += sum(p.samples for p in group)
    return parts


def _capped(parts: list[list[Picture]], cap: int) -> list[Picture]:
    """Take pictures in order up to `cap` samples. A picture whose samples would exceed the cap is skipped."""
    chosen, count = [], 0
    for picture in (p for group in parts for p in group):
        if count + picture.samples <= cap:
            chosen.append(picture)
            count += picture.samples
    return chosen


def find_crossings(splits: Mapping[str, Mapping[str, np.ndarray]]) -> list[Crossing]:
    """Return every pair of near-duplicates in different splits; `splits` gives each picture's hash by split and id."""
    places: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    for split, hashes in splits.items():
        for id_, value in hashes.items():
            places[value.tobytes()].append((split, id_))
    distinct = list(places)
    pairs = find_near_duplicates(_stack(np.frombuffer(key, np.uint64) for key in distinct))
    close = [(i, i, 0) for i in range(len(distinct))] + [tuple(map(int, row)) for row in pairs]
    crossings = set()
    for i, j, distance in close:
        for a in places[distinct[i]]:
            crossings |= {Crossing(*min(a, b), *max(a, b), distance) for b in places[distinct[j]] if a[0] != b[0]}
    return sorted(crossings, key=lambda c: (c.distance, c))


def _stack(hashes: Iterable[np.ndarray]) -> np.ndarray:
    return np.array(list(hashes), dtype=np.uint64).reshape(-1, 4)
