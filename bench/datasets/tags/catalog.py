"""`tags`: read the word, price or date on a tag. Stands in for text in pictures (TextVQA, DocVQA), judged by ANLS.

What it is not: text of any length or place. The tag lies in the middle of the picture, and there are 24 answers.
"""

import numpy as np

from bench.datasets.tags.render import render
from bench.datasets.tags.vocabulary import QUESTIONS, VOCABULARY, lines
from bench.samples import Sample, SampleSet

RENDERINGS = {"train": 26, "validation": 8, "test": 18}
"""Renderings of each answer: 624 to train on, 192 of the trainer's own to choose by, 432 to judge by."""
SEED = 47


def load(split: str) -> SampleSet:
    """Samples of a split. A rendering belongs to exactly one: its generator is seeded by (split, kind, answer, k)."""
    number = list(RENDERINGS).index(split)
    samples = []
    for place, (kind, answers) in enumerate(VOCABULARY.items()):
        for index, answer in enumerate(answers):
            for k in range(RENDERINGS[split]):
                rng = np.random.default_rng([SEED, number, place, index, k])
                name = f"{split}-{kind}-{index:02d}-{k:02d}"
                question = str(rng.choice(QUESTIONS[kind]))
                samples.append(Sample(name, name, render(lines(kind, answer), rng), question, answer, rule="anls"))
    return SampleSet(tuple(samples))
