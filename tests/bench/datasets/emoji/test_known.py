"""Pretraining pictures: of known concepts only, rendered once, unseen ones apart."""

from pathlib import Path

import numpy as np
import pytest

from bench.datasets.emoji import known
from bench.datasets.emoji.art import concepts, known_indices, owner_indices
from bench.datasets.emoji.render import COLOURS

SOME = known_indices()[5:900:300]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "known_indices", lambda: SOME)


def test_pictures_and_labels_belong_together(tmp_path: Path) -> None:
    made = known.known_pictures(tmp_path / "new", "train", 2, seed=0)
    assert made.pixels.shape == (6, 64, 64, 3)
    assert made.pixels.dtype == np.uint8
    assert list(made.labels["concept"]) == [0, 0, 1, 1, 2, 2]
    assert list(made.labels["name"]) == [concepts()[i].name for i in SOME for _ in range(2)]
    assert list(made.labels["category"]) == [concepts()[i].category for i in SOME for _ in range(2)]
    assert set(made.labels["background"]) <= set(COLOURS)
    assert made.labels["large"].dtype == bool


def test_the_owners_concepts_are_not_among_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    drawn = []
    monkeypatch.setattr(known, "track", lambda indices, description: drawn.extend(indices) or ())
    known.known_pictures(tmp_path, "train", 1, seed=0)
    assert len(drawn) == 1375 - 96
    assert set(drawn).isdisjoint(owner_indices())


def test_pictures_are_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = known.known_pictures(tmp_path, "train", 2, seed=0)
    monkeypatch.setattr(known, "render", lambda *a: pytest.fail("rendered twice"))
    again = known.known_pictures(tmp_path, "train", 2, seed=0)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.labels.equals(again.labels)


def test_splits_and_seeds_share_no_picture(tmp_path: Path) -> None:
    sets = [known.known_pictures(tmp_path, *which) for which in (("train", 2, 0), ("test", 2, 0), ("train", 2, 1))]
    every = [picture.tobytes() for made in sets for picture in made.pixels]
    assert len(set(every)) == len(every) == 18


def test_a_killed_rendering_is_done_again(tmp_path: Path) -> None:
    whole = known.known_pictures(tmp_path / "a", "test", 1, seed=0)
    broken = tmp_path / "b" / "known-test-1-0.npy"
    broken.parent.mkdir()
    np.save(broken, np.zeros_like(whole.pixels))
    np.testing.assert_array_equal(known.known_pictures(tmp_path / "b", "test", 1, seed=0).pixels, whole.pixels)
