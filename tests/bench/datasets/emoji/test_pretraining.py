"""Pretraining pictures: of pretraining concepts only, rendered once, without the concepts of the owner."""

from pathlib import Path

import numpy as np
import pytest

from bench.datasets.emoji import pretraining
from bench.datasets.emoji.art import concepts, held_out_indices, pretraining_indices
from bench.datasets.emoji.render import COLOURS

SOME = pretraining_indices()[5:900:300]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "pretraining_indices", lambda: SOME)


def test_pictures_and_labels_belong_together(tmp_path: Path) -> None:
    pictures = pretraining.load_pretraining_pictures(tmp_path / "new", "train", 2, seed=0)
    assert pictures.pixels.shape == (6, 64, 64, 3)
    assert pictures.pixels.dtype == np.uint8
    assert list(pictures.labels["concept"]) == [0, 0, 1, 1, 2, 2]
    assert list(pictures.labels["name"]) == [concepts()[i].name for i in SOME for _ in range(2)]
    assert list(pictures.labels["category"]) == [concepts()[i].category for i in SOME for _ in range(2)]
    assert set(pictures.labels["background"]) <= set(COLOURS)
    assert pictures.labels["large"].dtype == bool


def test_the_owners_concepts_are_not_among_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    drawn = []
    monkeypatch.setattr(pretraining, "track", lambda indices, description: drawn.extend(indices) or ())
    pretraining.load_pretraining_pictures(tmp_path, "train", 1, seed=0)
    assert len(drawn) == 1375 - 96
    assert set(drawn).isdisjoint(held_out_indices())


def test_pictures_are_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pretraining.load_pretraining_pictures(tmp_path, "train", 2, seed=0)
    monkeypatch.setattr(pretraining, "render", lambda *a: pytest.fail("rendered twice"))
    again = pretraining.load_pretraining_pictures(tmp_path, "train", 2, seed=0)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.labels.equals(again.labels)


def test_splits_and_seeds_share_no_picture(tmp_path: Path) -> None:
    sets = [
        pretraining.load_pretraining_pictures(tmp_path, *which)
        for which in (("train", 2, 0), ("test", 2, 0), ("train", 2, 1))
    ]
    every = [picture.tobytes() for pictures in sets for picture in pictures.pixels]
    assert len(set(every)) == len(every) == 18


def test_a_killed_rendering_is_done_again(tmp_path: Path) -> None:
    whole = pretraining.load_pretraining_pictures(tmp_path / "a", "test", 1, seed=0)
    broken = tmp_path / "b" / "known-test-1-0.npy"
    broken.parent.mkdir()
    np.save(broken, np.zeros_like(whole.pixels))
    np.testing.assert_array_equal(
        pretraining.load_pretraining_pictures(tmp_path / "b", "test", 1, seed=0).pixels, whole.pixels
    )
