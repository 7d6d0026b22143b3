"""`tags`: read the word, price or date on a tag. Stands in for text in pictures (TextVQA, DocVQA), judged by ANLS.

It does not test text of any length or place: the tag lies near the middle of the picture, and there are 24 answers.
"""

from functools import partial

import numpy as np

from bench import datasets
from bench.datasets.near_duplicates import draw_distinct, hash_pictures
from bench.datasets.tags.render import render
from bench.datasets.tags.vocabulary import QUESTIONS, VOCABULARY, lines
from bench.samples import Sample, SampleSet

RENDERINGS = {"train": 26, "validation": 8, "test": 18}
"""Renderings of each answer: 624 pictures to train on, 192 for the trainer to choose by, 432 to judge by."""
SEED = 47


def load(split: str) -> SampleSet:
    """Return the samples of a split. Each rendering has a random generator seeded by (split, kind, answer, k).

    A near-duplicate of a rendering in an earlier split is drawn again, so that no picture is in two splits.
    """
    number = list(RENDERINGS).index(split)
    earlier_hashes = hash_pictures(datasets.load("tags", earlier) for earlier in list(RENDERINGS)[:number])
    samples = []
    for place, (kind, answers) in enumerate(VOCABULARY.items()):
        for index, answer in enumerate(answers):
            for k in range(RENDERINGS[split]):
                rng = np.random.default_rng([SEED, number, place, index, k])
                name = f"{split}-{kind}-{index:02d}-{k:02d}"
                question = str(rng.choice(QUESTIONS[kind]))
                pixels = draw_distinct(partial(render, lines(kind, answer), rng), earlier_hashes)
                samples.append(Sample(name, name, pixels, question, answer, rule="anls"))
    return SampleSet(tuple(samples))
