"""The questions are right about the pictures, evenly spread, and no split shares a picture with another."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from bench import datasets
from bench.datasets.emoji.art import concepts, owner_indices
from bench.datasets.emoji.render import COLOURS
from bench.datasets.scenes.render import THINGS, thing_art
from bench.samples import Sample, SampleSet
from bench.scoring.rules import lenient_score, strict_score

SAMPLES = {"train": 672, "validation": 192, "test": 480}
CORNERS = {"top left": (0, 0), "top right": (0, 32), "bottom left": (32, 0), "bottom right": (32, 32)}


@pytest.fixture(scope="module")
def splits() -> dict[str, SampleSet]:
    """Load all splits once."""
    return {split: datasets.load("scenes", split) for split in SAMPLES}


def kind(sample: Sample) -> str:
    return sample.id.rsplit("-", 1)[1]


def right(sample: Sample) -> str:
    """The text of the right option."""
    return sample.choices["abcd".index(sample.answer)]


def test_each_picture_is_asked_two_different_questions(splits: dict[str, SampleSet]) -> None:
    for split, size in SAMPLES.items():
        by_picture = defaultdict(list)
        for sample in splits[split]:
            by_picture[sample.image_id].append(sample)
        assert sum(map(len, by_picture.values())) == size == 2 * len(by_picture)
        for one, other in by_picture.values():
            assert kind(one) != kind(other)
            np.testing.assert_array_equal(one.pixels, other.pixels)


def test_every_letter_is_right_equally_often_for_each_kind(splits: dict[str, SampleSet]) -> None:
    for split, size in SAMPLES.items():
        count = Counter((kind(s), s.answer) for s in splits[split])
        assert set(count) == {(k, x) for k in ("place", "count", "colour") for x in "abcd"}
        assert set(count.values()) == {size // 12}


def test_one_answer_of_a_picture_does_not_tell_the_other(splits: dict[str, SampleSet]) -> None:
    pairs = Counter()
    for one, other in zip(splits["train"][::2], splits["train"][1::2], strict=True):
        pairs[kind(one), kind(other), one.answer, other.answer] += 1
    assert len(pairs) == 3 * 16
    assert set(pairs.values()) == {7}


def test_no_picture_is_seen_twice(splits: dict[str, SampleSet]) -> None:
    pictures = {s.image_id: s.pixels.tobytes() for samples in splits.values() for s in samples}
    assert len(set(pictures.values())) == len(pictures) == sum(SAMPLES.values()) // 2


def test_a_split_is_the_same_every_time(splits: dict[str, SampleSet]) -> None:
    from bench.datasets.scenes import catalog

    assert catalog.load("validation").digest == splits["validation"].digest


def test_the_options_stand_in_the_question_and_the_rules_read_them(splits: dict[str, SampleSet]) -> None:
    for sample in splits["test"]:
        _, *lines = sample.question.split("\n")
        assert lines == [f"{x}. {text}" for x, text in zip("abcd", sample.choices, strict=True)]
        assert sample.rule == "choice"
        assert strict_score(sample.answer, sample) == strict_score(sample.answer.upper(), sample) == 1
        assert strict_score(right(sample), sample) == 0
        assert lenient_score(right(sample), sample) == 1
        assert all(strict_score(x, sample) == lenient_score(x, sample) == 0 for x in "abcd" if x != sample.answer)


def test_the_colour_is_that_of_the_background(splits: dict[str, SampleSet]) -> None:
    """The median pixel of a picture with one thing is its background's, which the answer names."""
    checked = 0
    for one, other in zip(splits["test"][::2], splits["test"][1::2], strict=True):
        answers = {kind(s): right(s) for s in (one, other)}
        if answers.get("count") == "1" and "colour" in answers:
            middle = np.median(one.pixels.reshape(-1, 3), axis=0)
            near = min(COLOURS, key=lambda c: np.linalg.norm(np.array(COLOURS[c]) - middle))
            assert near == answers["colour"]
            checked += 1
    assert checked == 20


def test_the_thing_asked_for_is_at_its_place(splits: dict[str, SampleSet]) -> None:
    """Of all things, the right one's art correlates best with the quarter of the picture that is asked about."""
    hits = []
    for sample in splits["test"]:
        if kind(sample) != "place":
            continue
        place = next(p for p in CORNERS if p in sample.question)
        top, left = CORNERS[place]
        quarter = sample.pixels[top : top + 32, left : left + 32].astype(float)
        hits.append(max(THINGS, key=lambda thing: match(quarter, thing)) == right(sample))
    assert len(hits) == SAMPLES["test"] // 3
    assert np.mean(hits) > 0.98


def match(quarter: np.ndarray, thing: str) -> float:
    """The least squared distance, negated, to a thing of middling size over any shift, where the thing is opaque."""
    figure = np.asarray(thing_art()[thing].resize((28, 28))).astype(float)
    solid = figure[..., 3] > 250
    shifts = [(y, x) for y in range(5) for x in range(5)]
    return -min(((quarter[y : y + 28, x : x + 28] - figure[..., :3])[solid] ** 2).mean() for y, x in shifts)


def test_no_victim_was_taught_the_things() -> None:
    assert set(THINGS) <= {concepts()[i].name for i in owner_indices()}
