"""A worked example of the score: the answers of three models to a few questions, and what follows from them."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.scoring.protection import Score, score

QUESTIONS = 20
"""Questions, two about each picture."""

RIGHT = {"baseline": 2, "clean": 18, "release": 10}
"""Right answers of each model."""


class Example(NamedTuple):
    """The scores of the answers by question, the accuracy of each model, and the score of the defense."""

    answers: pd.DataFrame
    accuracy: dict[str, float]
    score: Score


def compute_example() -> Example:
    """Return the example.

    >>> example = compute_example()
    >>> example.accuracy, round(example.score.protection.value, 3)
    ({'baseline': 0.1, 'clean': 0.9, 'release': 0.5}, 0.5)
    """
    numbers = np.arange(QUESTIONS)
    answers = pd.DataFrame({model: 1.0 * (numbers < right) for model, right in RIGHT.items()})
    clusters = numbers // 2
    baseline, clean, released = (answers[model].to_numpy()[None] for model in RIGHT)
    result = score(baseline, clean, released, clusters)
    answers.index = pd.Index([f"picture {picture + 1}, question {n % 2 + 1}" for n, picture in enumerate(clusters)])
    return Example(answers, {model: float(answers[model].mean()) for model in RIGHT}, result)
