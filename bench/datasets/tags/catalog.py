"""`tags`: read the word, price or date on a tag. Stands in for text in pictures (TextVQA, DocVQA), judged by ANLS.

What it is not: text of any length or place. The tag lies about the middle of the picture, and there are 24 answers.
"""

from functools import partial

import numpy as np

from bench import datasets
from bench.datasets.near import apart, hashes
from bench.datasets.tags.render import render
from bench.datasets.tags.vocabulary import QUESTIONS, VOCABULARY, lines
from bench.samples import Sample, SampleSet

RENDERINGS = {"train": 26, "validation": 8, "test": 18}
"""Renderings of each answer: 624 to train on, 192 of the trainer's own to choose by, 432 to judge by."""
SEED = 47


def load(split: str) -> SampleSet:
    """Samples of a split, by generators that are seeded by (split, kind, answer, k).

    A rendering that is nearly one of an earlier split is drawn again, so that no picture stands in two of them.
    """
    number = list(RENDERINGS).index(split)
    taken = hashes(datasets.load("tags", earlier) for earlier in list(RENDERINGS)[:number])
    samples = []
    for place, (kind, answers) in enumerate(VOCABULARY.items()):
        for index, answer in enumerate(answers):
            for k in range(RENDERINGS[split]):
                rng = np.random.default_rng([SEED, number, place, index, k])
                name = f"{split}-{kind}-{index:02d}-{k:02d}"
                question = str(rng.choice(QUESTIONS[kind]))
                pixels = apart(partial(render, lines(kind, answer), rng), taken)
                samples.append(Sample(name, name, pixels, question, answer, rule="anls"))
    return SampleSet(tuple(samples))
