"""`scenes`: what is where, how many, on which colour. Stands in for multiple choice (MMStar, RealWorldQA, ScienceQA).

Two questions a picture, answered by an option's letter. What it is not: a test of reading options. They stand in one
order for each kind of question, as the embedded language models, taught to name and nothing else, cannot look an option
up; and the letters are small, as their tokens for capitals were never trained and are all one vector.
"""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from bench import datasets
from bench.datasets.near import apart, hashes
from bench.datasets.scenes.render import GROUNDS, PLACES, THINGS, render
from bench.samples import Sample, SampleSet

PICTURES = {"train": 336, "validation": 96, "test": 240}
"""Multiples of 48: over each 48 pictures every kind of question has every letter equally often."""
SEED = 61
LETTERS = "abcd"
COUNTS = ("1", "2", "3", "4")
ASKED = (("place", "count"), ("place", "colour"), ("count", "colour"))
"""The two kinds of questions about a picture, in turn."""


def load(split: str) -> SampleSet:
    """Samples of a split, two a picture, whose generator is seeded by (split, number).

    A picture that is nearly one of an earlier split is drawn again, so that none stands in two of them.
    """
    number = list(PICTURES).index(split)
    rngs = (np.random.default_rng([SEED, number, i]) for i in range(PICTURES[split]))
    taken = hashes(datasets.load("scenes", earlier) for earlier in list(PICTURES)[:number])
    return SampleSet(tuple(s for i, rng in enumerate(rngs) for s in _scene(f"{split}-{i:03d}", i, rng, taken)))


def _scene(name: str, i: int, rng: Generator, taken: np.ndarray) -> Iterator[Sample]:
    """Both samples of picture `i`: what the answers will be is dealt out evenly, the rest is drawn."""
    turn = i // len(ASKED)
    ground, count = turn % 4, turn // 4 % 4
    wanted = (turn + turn // 4 + turn // 16) % 4
    others = [t for t in range(len(THINGS)) if t != wanted]
    things = [wanted, *rng.permutation(others)[:count].tolist()]
    places = rng.permutation(len(PLACES))[: count + 1].tolist()
    pixels = apart(lambda: render(GROUNDS[ground], [THINGS[t] for t in things], places, rng), taken)
    known = {
        "place": (f"What is at the {PLACES[places[0]]}?", THINGS, wanted),
        "count": ("How many things are there?", COUNTS, count),
        "colour": ("What colour is the background?", GROUNDS, ground),
    }
    for kind in ASKED[i % len(ASKED)]:
        question, options, right = known[kind]
        text = "\n".join([question, *(f"{x}. {o}" for x, o in zip(LETTERS, options, strict=True))])
        yield Sample(f"{name}-{kind}", name, pixels, text, LETTERS[right], choices=options, rule="choice")
