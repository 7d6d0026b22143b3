"""Pseudo-classes: one a picture, by answers, by text, or by what a vision tower sees."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.lvlm.base import LVLM
from bench.samples import Sample, SampleSet
from bench.scoring.matching import normalise
from defenses.craft.clusters import cluster_by_answer, cluster_by_text, members
from defenses.craft.vision import cluster_by_vision

PIXELS = np.zeros((8, 8, 3), np.uint8)


def make_samples(*rows: tuple[str, str], question: str = "What is this?") -> SampleSet:
    """A sample for each (picture, answer)."""
    return SampleSet(tuple(Sample(f"s{i}", picture, PIXELS, question, a) for i, (picture, a) in enumerate(rows)))


@given(st.lists(st.tuples(st.sampled_from("pqrstu"), st.sampled_from(["A cat", "cat!", "dog", "owl"])), min_size=1))
def test_closed_answers_are_clusters_whatever_their_spelling(rows: list[tuple[str, str]]) -> None:
    twice = rows + [(f"{picture}2", answer) for picture, answer in rows]
    found = cluster_by_answer(make_samples(*twice), 10, 0)
    assert set(found) == {picture for picture, _ in twice}, "one a picture"
    answers = {picture: {normalise(a) for p, a in twice if p == picture} for picture in found}
    for one in found:
        for other in found:
            assert (found[one] == found[other]) == (answers[one] == answers[other])


def test_a_tail_of_single_answers_is_one_cluster() -> None:
    found = cluster_by_answer(
        make_samples(("a", "cat"), ("b", "cat"), ("c", "dog"), ("d", "dog"), ("e", "owl"), ("f", "elk")), 10, 0
    )
    assert found["a"] == found["b"] != found["c"] == found["d"]
    assert found["e"] == found["f"] not in (found["a"], found["c"])
    assert set(found.values()) == {0, 1, 2}


def test_a_picture_with_several_questions_has_one_cluster_by_all_its_answers() -> None:
    rows = [("a", "yes"), ("a", "two"), ("b", "two"), ("b", "yes"), ("c", "yes"), ("d", "yes")]
    found = cluster_by_answer(make_samples(*rows), 10, 0)
    assert found["a"] == found["b"] != found["c"] == found["d"]


def captions() -> tuple[SampleSet, list[int]]:
    """Open answers about three things, and which."""
    things = ("small red boat on lake water", "old stone tower under clouds", "green parrot with long feathers")
    rng, rows, truth = np.random.default_rng(0), [], []
    for i in range(30):
        words = rng.permutation(things[i % 3].split())[:4]
        rows.append((f"p{i}", f"{' '.join(words)} {i}"))
        truth.append(i % 3)
    return make_samples(*rows, question="Describe it."), truth


def together(labels: Sequence[int]) -> np.ndarray:
    """Which pairs share a label."""
    return np.array(labels)[:, None] == np.array(labels)[None]


def test_open_answers_are_clustered_by_their_words_and_by_the_seed_alone() -> None:
    samples, truth = captions()
    found = cluster_by_answer(samples, 3, 0)
    assert found == cluster_by_text(samples, 3, 0) == cluster_by_answer(samples, 3, 0)
    assert (together(list(found.values())) == together(truth)).mean() > 0.95
    assert len(set(cluster_by_answer(samples, 7, 0).values())) == 7
    assert (
        len(set(cluster_by_answer(make_samples(("a", "one x"), ("b", "two y"), ("c", "three")), 10, 0).values())) <= 3
    )


def test_questions_of_a_picture_are_read_together() -> None:
    """Answers that agree in nothing, about two things in turn: the cluster is of the picture, not of the question."""
    rows = [(f"p{i}", f"{'sea boat' if i % 2 else 'tall tree'} number{i} {k}") for i in range(8) for k in range(2)]
    found = cluster_by_answer(make_samples(*rows), 2, 0)
    assert len(found) == 8
    assert (together(list(found.values())) == together([i % 2 for i in range(8)])).all()


def test_without_text_pictures_that_look_alike_are_together(lvlm: LVLM) -> None:
    rng = np.random.default_rng(1)
    looks = [rng.integers(0, 256, (48, 48, 3)) // 4 * (k == 0) + 180 * (k == 1) for k in range(2)]
    shown = [np.clip(looks[i % 2] + rng.integers(0, 9, (48, 48, 3)), 0, 255).astype(np.uint8) for i in range(8)]
    rows = [Sample(f"{i}", f"p{i}", pixels, "", "") for i, pixels in enumerate(shown)]
    found = cluster_by_vision(SampleSet(tuple(rows)), lvlm, 2, 0)
    assert list(found) == [f"p{i}" for i in range(8)]
    assert (together(list(found.values())) == together([i % 2 for i in range(8)])).all()


def test_members_are_the_clusters_turned_round() -> None:
    assert members({"a": 1, "b": 0, "c": 1}) == {1: ["a", "c"], 0: ["b"]}
