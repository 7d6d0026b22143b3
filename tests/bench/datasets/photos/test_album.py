"""The data set `photos`: its questions, and that the splits share no photograph."""

from collections import Counter

import numpy as np
import pytest

from bench import datasets
from bench.datasets.near_duplicates import perceptual_hash
from bench.datasets.photos import album
from bench.datasets.photos.photographs import frequent_names, photographs, split_by_file
from bench.datasets.photos.questions import ALIASES, CAPTION, KIND, NAME
from bench.datasets.photos.views import view
from bench.datasets.splits import find_crossings
from bench.samples import Sample, SampleSet
from bench.scoring.rules import strict_score

SIZES = {"train": 588, "validation": 96, "test": 205}
"""Questions."""
VIEWS = {"train": 2, "validation": 1, "test": 1}


@pytest.fixture(scope="module")
def splits() -> dict[str, SampleSet]:
    """Load all splits once."""
    return {split: datasets.load("photos", split) for split in SIZES}


def task(sample: Sample) -> str:
    return sample.id.rsplit("-", 1)[1]


@pytest.mark.parametrize("split", SIZES)
def test_every_view_is_asked_about_once_in_each_way(splits: dict[str, SampleSet], split: str) -> None:
    samples = splits[split]
    own = {i: photo for i, photo in enumerate(photographs()) if split_by_file()[photo.file] == split}
    assert len(samples) == SIZES[split]
    assert len({s.id for s in samples}) == len(samples)
    count = Counter((s.image_id, task(s)) for s in samples)
    assert set(count.values()) == {1}
    for index, photo in own.items():
        tasks = {"kind", "caption"} | ({"name"} if photo.name in frequent_names() else set())
        for k in range(VIEWS[split]):
            of_view = [s for s in samples if s.image_id == f"{split}-{index:03d}-{k:02d}"]
            assert {task(s) for s in of_view} == tasks
            assert len({s.pixels.tobytes() for s in of_view}) == 1
            assert {task(s): s.answer for s in of_view}.items() <= {
                ("kind", photo.kind),
                ("name", photo.name),
                ("caption", photo.caption),
            }


@pytest.mark.parametrize("split", SIZES)
def test_questions_and_rules_belong_together(splits: dict[str, SampleSet], split: str) -> None:
    phrasings = {"kind": set(KIND), "name": set(NAME), "caption": set(CAPTION)}
    assert not phrasings["kind"] & phrasings["name"] | phrasings["name"] & phrasings["caption"]
    for name, expected in phrasings.items():
        of_task = [s for s in splits[split] if task(s) == name]
        assert {s.question for s in of_task} == expected
        assert {s.rule for s in of_task} == {"caption" if name == "caption" else "exact"}


def test_every_own_answer_and_alias_is_right_and_another_is_not(splits: dict[str, SampleSet]) -> None:
    for s in splits["test"]:
        assert strict_score(s.answer, s) == 1
        for alias in ALIASES.get(s.answer, ()):
            assert strict_score(alias, s) == 1
        assert strict_score("nail polish", s) == 0
    kinds = {s.answer: s for s in splits["test"] if task(s) == "kind"}
    assert strict_score("tool", kinds["fish"]) == 0
    assert strict_score("building", kinds["monument"]) == 1


def test_aliases_are_of_answers_that_exist() -> None:
    answers = {photo.kind for photo in photographs()} | frequent_names()
    assert set(ALIASES) <= answers
    assert all(alias not in {photo.kind for photo in photographs()} for names in ALIASES.values() for alias in names)


def test_no_picture_nor_a_near_duplicate_is_in_two_splits(splits: dict[str, SampleSet]) -> None:
    hashes = {split: {s.image_id: perceptual_hash(s.pixels) for s in samples} for split, samples in splits.items()}
    assert find_crossings(hashes) == []
    planted = {"train": hashes["train"], "test": {**hashes["test"], "thief": hashes["train"]["train-006-00"]}}
    assert [(c.id_a, c.id_b) for c in find_crossings(planted)] == [("thief", "train-006-00")]


def test_what_is_judged_is_the_whole_photograph_and_what_is_trained_on_is_not(splits: dict[str, SampleSet]) -> None:
    for split, samples in splits.items():
        for s in samples[::17]:
            whole = view(photographs()[int(s.image_id.split("-")[1])].picture)
            assert np.array_equal(s.pixels, whole) is (split != "train")


def test_a_split_is_the_same_every_time(splits: dict[str, SampleSet]) -> None:
    assert album.load("validation").digest == splits["validation"].digest


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(KeyError, match="dev"):
        album.load("dev")
