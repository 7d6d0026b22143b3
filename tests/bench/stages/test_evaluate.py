"""The evaluator asks each clean item once and writes down what was said, whatever the batch."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from bench.datasets import load
from bench.datasets.cards import EMBEDDED
from bench.samples import SampleSet
from bench.stages.evaluate import evaluate

COLUMNS = ["id", "image_id", "question", "target", "prediction", "correct"]


class Knowing:
    """A victim that knows every picture of a data set by its pixels and answers by its place in it.

    Of four items in a row it answers one as it is written, one in other words of the same name, and two wrongly.
    """

    def __init__(self, samples: SampleSet) -> None:
        self.samples = samples
        self.place = {sample.pixels.tobytes(): i for i, sample in enumerate(samples)}
        self.asked: list[tuple[int, str]] = []
        self.sizes: list[int] = []

    def said(self, i: int) -> str:
        """Its answer to item `i`."""
        name = self.samples[i].answer
        return (name, f"The {name.upper()}.", f"{name} and more", "")[i % 4]

    def generate(self, questions: list[str], images: list[np.ndarray], max_new_tokens: int) -> list[str]:
        """Answers in the order asked; a picture that is not the data set's own is a KeyError."""
        assert max_new_tokens == 16
        assert all(image.dtype == np.uint8 and image.shape == (64, 64, 3) for image in images)
        places = [self.place[image.tobytes()] for image in images]
        self.asked += zip(places, questions, strict=True)
        self.sizes.append(len(questions))
        return [self.said(i) for i in places]


@pytest.fixture(scope="module")
def samples() -> SampleSet:
    """The test split of the small data set."""
    return load("emoji_smoke", "test")


@pytest.mark.parametrize("batch", [1, 7, 96])
def test_each_item_is_asked_once_and_the_table_is_in_the_data_sets_order(batch: int, samples: SampleSet) -> None:
    victim, steps = Knowing(samples), []
    table = evaluate(victim, "emoji_smoke", "test", lambda *step: steps.append(step), batch)  # type: ignore[arg-type]
    assert not Counter(victim.asked) - Counter((i, s.question) for i, s in enumerate(samples))
    assert len(victim.asked) == len(samples)
    expected = [
        (s.id, s.image_id, s.question, s.answer, victim.said(i), i % 4 in {0, 1}) for i, s in enumerate(samples)
    ]
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected, columns=COLUMNS))
    assert table["correct"].mean() == 0.5
    assert max(victim.sizes) == batch
    assert steps[-1] == (1.0, "96/96 answers") and len(steps) == len(victim.sizes)


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_data_set_has_a_task_that_asks_the_split_it_is_told(name: str) -> None:
    own = load(name, "validation")
    table = evaluate(Knowing(own), name, "validation", lambda *_: None)  # type: ignore[arg-type]
    assert list(table["id"]) == [s.id for s in own]
    assert list(table["target"]) == [s.answer for s in own]
