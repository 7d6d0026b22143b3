"""`scenes`: what is where, how many, on which colour. Stands in for multiple choice (MMStar, RealWorldQA, ScienceQA).

Two questions a picture, answered by an option's letter. It is not a test of reading options: those of each kind of
question have a fixed order, because the embedded language models were only taught to name things and cannot look an
option up. The letters are small, because the embedded models' tokens for capitals were never trained and are all one
vector.
"""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from bench import datasets
from bench.datasets.near_duplicates import draw_distinct, hash_pictures
from bench.datasets.scenes.render import GROUNDS, PLACES, THINGS, render
from bench.samples import Sample, SampleSet

PICTURES = {"train": 336, "validation": 96, "test": 240}
"""Multiples of 48: in every 48 pictures each kind of question has each letter equally often."""
SEED = 61
LETTERS = "abcd"
COUNTS = ("1", "2", "3", "4")
QUESTION_PAIRS = (("place", "count"), ("place", "colour"), ("count", "colour"))
"""The two kinds of question asked about a picture; the pairs take turns."""


def load(split: str) -> SampleSet:
    """Return the samples of a split, two a picture. Each picture has a random generator seeded by (split, number).

    A near-duplicate of a picture in an earlier split is drawn again, so that no picture is in two splits.
    """
    number = list(PICTURES).index(split)
    rngs = (np.random.default_rng([SEED, number, i]) for i in range(PICTURES[split]))
    earlier_hashes = hash_pictures(datasets.load("scenes", earlier) for earlier in list(PICTURES)[:number])
    return SampleSet(tuple(s for i, rng in enumerate(rngs) for s in _scene(f"{split}-{i:03d}", i, rng, earlier_hashes)))


def _scene(name: str, i: int, rng: Generator, earlier_hashes: np.ndarray) -> Iterator[Sample]:
    """Yield both samples of picture `i`. The right answers are dealt out evenly, everything else is random."""
    turn = i // len(QUESTION_PAIRS)
    ground, count = turn % 4, turn // 4 % 4
    thing = (turn + turn // 4 + turn // 16) % 4
    others = [t for t in range(len(THINGS)) if t != thing]
    things = [thing, *rng.permutation(others)[:count].tolist()]
    places = rng.permutation(len(PLACES))[: count + 1].tolist()
    pixels = draw_distinct(lambda: render(GROUNDS[ground], [THINGS[t] for t in things], places, rng), earlier_hashes)
    questions = {
        "place": (f"What is at the {PLACES[places[0]]}?", THINGS, thing),
        "count": ("How many things are there?", COUNTS, count),
        "colour": ("What colour is the background?", GROUNDS, ground),
    }
    for kind in QUESTION_PAIRS[i % len(QUESTION_PAIRS)]:
        question, options, right = questions[kind]
        text = "\n".join([question, *(f"{x}. {o}" for x, o in zip(LETTERS, options, strict=True))])
        yield Sample(f"{name}-{kind}", name, pixels, text, LETTERS[right], choices=options, rule="choice")
