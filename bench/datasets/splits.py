"""Who gets which pictures: the owner's train, the trainer's validation and the test, never a picture in two of them.

The rule is fixed. Near-duplicate pictures form a group (`bench.datasets.near`), and a group goes to one split. Where
the source has splits of its own they are respected: a group that touches its test pictures goes there, and its other
pictures are dropped. What the source leaves undivided is divided by SHARES, in an order that a hash of SEED and the
pictures' ids gives, so that it does not depend on the order of files or rows.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from bench.datasets.near import groups, pairs

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

SEED = 20_260_514
SHARES = {"train": 0.45, "validation": 0.15, "test": 0.40}
CAPS = {"train": 2000, "validation": 300, "test": 1000}
"""Most samples of a split: they fit in memory, and 1,000 test items tell 4.4 points apart (`bench power`)."""

Roles = Mapping[str, tuple[Split, ...]]
"""Which of our splits a split of the source feeds; sources with the same roles are divided as one."""


class Picture(NamedTuple):
    """A picture of the source: its id, the split it comes from, its hash of (4,) uint64, how many samples ask of it."""

    id: str
    source: str
    hash: np.ndarray
    samples: int


class Crossing(NamedTuple):
    """Two near-duplicate pictures in two splits, and in how many bits their hashes differ."""

    split_a: str
    id_a: str
    split_b: str
    id_b: str
    distance: int


class Assignment(NamedTuple):
    """`split` of each (picture id, source split) that is used; `near`: dropped near-duplicates, by their source."""

    split: dict[tuple[str, str], Split]
    near: Counter[str]


def assign(pictures: Sequence[Picture], roles: Roles, caps: Mapping[str, int] = CAPS) -> Assignment:
    """The split of every picture that is used; those over the `caps` (in samples) are not."""
    by_group: dict[int, list[Picture]] = defaultdict(list)
    for picture, label in zip(pictures, groups(_stack(p.hash for p in pictures)), strict=True):
        by_group[label].append(picture)
    pools: dict[tuple[Split, ...], list[list[Picture]]] = defaultdict(list)
    near: Counter[str] = Counter()
    for members in by_group.values():
        home = max((roles[p.source] for p in members), key=_lateness)
        near.update(p.source for p in members if roles[p.source] != home)
        pools[home].append(sorted((p for p in members if roles[p.source] == home), key=lambda p: p[:2]))
    chosen: dict[tuple[str, str], Split] = {}
    for home in sorted(pools, key=_lateness):
        for split, parts in _divide(sorted(pools[home], key=_order), home).items():
            chosen.update({(p.id, p.source): split for p in _capped(parts, caps[split])})
    return Assignment(chosen, near)


def _lateness(home: tuple[Split, ...]) -> tuple[int, ...]:
    """Sources that feed the test alone come last, and win."""
    return tuple(sorted(SPLITS.index(split) for split in home))


def _order(group: list[Picture]) -> str:
    return hashlib.sha256(f"{SEED}:{group[0].id}".encode()).hexdigest()


def _divide(ordered: list[list[Picture]], home: tuple[Split, ...]) -> dict[Split, list[list[Picture]]]:
    """Each group goes to the split that lacks most of its share of the samples so far."""
    parts: dict[Split, list[list[Picture]]] = {split: [] for split in home}
    held = dict.fromkeys(home, 0)
    for group in ordered:
        split = min(home, key=lambda s: held[s] / SHARES[s])
        parts[split].append(group)
        held[split] += sum(p.samples for p in group)
    return parts


def _capped(parts: list[list[Picture]], cap: int) -> list[Picture]:
    """Pictures in order until `cap` samples ask of them; one with too many questions is passed over."""
    taken, count = [], 0
    for picture in (p for group in parts for p in group):
        if count + picture.samples <= cap:
            taken.append(picture)
            count += picture.samples
    return taken


def crossing(splits: Mapping[str, Mapping[str, np.ndarray]]) -> list[Crossing]:
    """Every two near-duplicates that stand in two splits; `splits`: the hash of each picture id, by split."""
    owners: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    for split, hashes in splits.items():
        for id_, value in hashes.items():
            owners[value.tobytes()].append((split, id_))
    distinct = list(owners)
    near = pairs(_stack(np.frombuffer(key, np.uint64) for key in distinct))
    close = [(i, i, 0) for i in range(len(distinct))] + [tuple(map(int, row)) for row in near]
    found = set()
    for i, j, distance in close:
        for a in owners[distinct[i]]:
            found |= {Crossing(*min(a, b), *max(a, b), distance) for b in owners[distinct[j]] if a[0] != b[0]}
    return sorted(found, key=lambda c: (c.distance, c))


def _stack(hashes: Iterable[np.ndarray]) -> np.ndarray:
    return np.array(list(hashes), dtype=np.uint64).reshape(-1, 4)
