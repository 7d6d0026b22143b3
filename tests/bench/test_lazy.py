"""Pictures are read when they are asked for, and what does not fit into memory is in a file, with the same content."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bench.lazy
from bench.errors import UserError
from bench.lazy import Picture, PictureCache, Spool
from bench.samples import Sample, SampleSet

arrays = st.builds(
    lambda height, seed: np.random.default_rng(seed).integers(-300, 300, (height, 3)).astype(np.int16),
    st.integers(1, 4),
    st.integers(0, 99),
)


@given(st.lists(st.tuples(st.integers(0, 5), arrays), max_size=30), st.integers(0, 200))
def test_a_spool_holds_what_was_last_put_under_a_key(writes: list[tuple[int, np.ndarray]], limit: int) -> None:
    spool, expected = Spool[int](limit), dict(writes)
    for key, array in writes:
        spool[key] = array
    assert set(spool) == set(expected) and len(spool) == len(expected)
    assert sum(array.nbytes for array in spool.arrays.values()) == spool.size <= limit
    for key, array in expected.items():
        np.testing.assert_array_equal(spool[key], array)
        assert spool[key].dtype == array.dtype
    for key in expected:
        del spool[key]
    assert not list(spool) and spool.size == 0


def test_an_array_of_any_memory_layout_comes_back_from_the_file() -> None:
    spool = Spool[str](limit=0)
    turned = np.arange(24, dtype=np.int16).reshape(2, 3, 4).transpose(2, 0, 1)
    spool["turned"] = turned
    np.testing.assert_array_equal(spool["turned"], turned)


def test_a_cache_keeps_the_pictures_that_were_read_last() -> None:
    loads: list[int] = []

    def picture(number: int) -> Picture:
        def load() -> np.ndarray:
            loads.append(number)
            return np.full((2, 2, 3), number, np.uint8)

        return Picture(load, cache)

    cache = PictureCache(limit=24)
    first, second, third = (picture(number) for number in range(3))
    assert loads == [0, 1, 2] and cache.size == 24
    assert [int(p.read().max()) for p in (second, third, second)] == [1, 2, 1] and loads == [0, 1, 2]
    assert first.read().max() == 0 and loads == [0, 1, 2, 0]
    assert second.read().max() == 1 and loads == [0, 1, 2, 0], "the one not read for longest was dropped"
    assert third.read().max() == 2 and loads == [0, 1, 2, 0, 2]


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SampleSet:
    """Return three samples about two pictures, read from a folder with a cache for one picture."""
    monkeypatch.setattr(bench.lazy.PictureCache.__init__, "__defaults__", (1,))
    pixels = [np.random.default_rng(n).integers(0, 256, (5, 4 + n, 3), dtype=np.uint8) for n in range(2)]
    made = SampleSet(tuple(Sample(f"s{i}", f"p{i % 2}", pixels[i % 2], f"What {i}?", "cat") for i in range(3)))
    made.save(tmp_path / "set")
    return SampleSet.load(tmp_path / "set")


def test_samples_of_a_folder_have_their_pixels_in_no_memory(stored: SampleSet, tmp_path: Path) -> None:
    assert all(isinstance(s.picture, Picture) for s in stored)
    assert stored[0].picture is stored[2].picture
    assert stored[0].shape == (5, 4, 3) and stored[1].shape == (5, 5, 3)
    changed = stored[0].change(question="Other?")
    assert changed.picture is stored[0].picture and changed.question == "Other?" and changed.id == "s0"
    again = SampleSet.load(tmp_path / "set")
    np.testing.assert_array_equal(again[0].pixels, stored[0].pixels)
    assert again.digest == stored.digest == SampleSet(tuple(s.change(pixels=s.pixels) for s in stored)).digest


def test_other_pictures_are_read_from_the_spool(stored: SampleSet) -> None:
    pictures = Spool[str](limit=60)
    for key, number in (("p0", 1), ("p1", 2)):
        pictures[key] = np.full((5, 4, 3), number, np.uint8)
    made = stored.with_pictures(pictures)
    assert [isinstance(s.picture, Picture) for s in made] == [False, True, False]
    assert [s.pixels.mean() for s in made] == [1, 2, 1]
    assert [s.question for s in made] == [s.question for s in stored]


def test_a_picture_that_is_gone_is_one_line(stored: SampleSet, tmp_path: Path) -> None:
    stored[1].pixels  # noqa: B018  # the cache forgets the other one
    (tmp_path / "set" / "images" / "p0.png").unlink()
    with pytest.raises(UserError, match=r"^p0.png: gone from .*set/images; allowed: a file that stays"):
        _ = stored[0].pixels


def test_threads_that_read_at_once_see_whole_pictures_and_a_cache_within_its_limit() -> None:
    cache = PictureCache(limit=60)
    pictures = [Picture(lambda n=number: np.full((2, 2, 3), n, np.uint8), cache) for number in range(9)]  # type: ignore[misc]
    order = np.random.default_rng(0).integers(0, 9, 2000).tolist()
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda number: pictures[number].read(), order))
    assert all((pixels == number).all() for pixels, number in zip(read, order, strict=True))
    assert cache.size == sum(pixels.nbytes for pixels in cache.entries.values()) <= 60
