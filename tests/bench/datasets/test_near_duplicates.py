"""All near-duplicates are found, and other pictures are not mistaken for them."""

import io
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from bench.datasets.near_duplicates import MAX_DISTANCE, find_near_duplicates, group_near_duplicates, perceptual_hash


def hamming(a: np.ndarray, b: np.ndarray) -> int:
    """Return the Hamming distance, with Python's integers."""
    return (int.from_bytes(a.tobytes()) ^ int.from_bytes(b.tobytes())).bit_count()


def copy(pixels: np.ndarray, scale: float, quality: int) -> np.ndarray:
    """A resized, re-encoded copy."""
    height, width = pixels.shape[:2]
    buffer = io.BytesIO()
    small = Image.fromarray(pixels).resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC)
    small.save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


@st.composite
def clouds(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Distinct hashes: a few centres, each with others that differ from it in 0 to 40 bits; and a radius."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits = []
    for _ in range(draw(st.integers(1, 4))):
        centre = rng.integers(0, 2, 256, dtype=np.uint8)
        for flips in draw(st.lists(st.integers(0, 40), max_size=12)):
            other = centre.copy()
            other[rng.choice(256, flips, replace=False)] ^= 1
            bits.append(other)
        bits.append(centre)
    hashes = np.packbits(np.array(bits), axis=1).view(np.uint64)
    return np.unique(hashes, axis=0), draw(st.integers(0, 24))


@given(clouds())
def test_pairs_are_those_of_comparing_everything(cloud: tuple[np.ndarray, int]) -> None:
    hashes, radius = cloud
    expected = {
        (i, j, d)
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if (d := hamming(hashes[i], hashes[j])) <= radius
    }
    assert set(map(tuple, find_near_duplicates(hashes, radius).tolist())) == expected


@given(clouds())
def test_groups_are_the_components_of_those_pairs(cloud: tuple[np.ndarray, int]) -> None:
    hashes, radius = cloud
    hashes = np.concatenate([hashes, hashes[:2]])  # the same picture twice
    expected = list(range(len(hashes)))
    for i in range(len(hashes)):
        for j in range(i):
            if hamming(hashes[i], hashes[j]) <= radius:
                old, new = expected[i], expected[j]
                expected = [new if label == old else label for label in expected]
    result = group_near_duplicates(hashes, radius)
    for i in range(len(hashes)):
        for j in range(i):
            assert (result[i] == result[j]) == (expected[i] == expected[j])


@pytest.mark.parametrize(("scale", "quality"), [(1.0, 75), (0.9, 90), (0.8, 75), (1.25, 60)])
def test_a_resized_reencoded_copy_is_near_and_another_photograph_is_not(scale: float, quality: int) -> None:
    photographs = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), data.immunohistochemistry()]
    hashes = [perceptual_hash(p) for p in photographs]
    for index, pixels in enumerate(photographs):
        result = perceptual_hash(copy(pixels, scale, quality))
        distances = [hamming(result, other) for other in hashes]
        assert (
            distances[index] <= MAX_DISTANCE < MAX_DISTANCE * 3 < min(d for i, d in enumerate(distances) if i != index)
        )


def test_pages_of_text_are_told_apart() -> None:
    """Pages have a similar coarse structure; the 64-bit pHash cannot tell some of them apart."""
    from PIL import ImageDraw

    rng, hashes = np.random.default_rng(0), []
    for _ in range(30):
        page = Image.new("RGB", (425, 550), "white")
        pen = ImageDraw.Draw(page)
        for y in range(40, 500, 14):
            line = " ".join("".join(rng.choice(list("aeionrst"), 5)) for _ in range(rng.integers(2, 9)))
            pen.text((40, y), line, fill="black")
        hashes.append(perceptual_hash(np.asarray(page)))
    assert len(set(group_near_duplicates(np.array(hashes)))) == 30


def test_twenty_thousand_hashes_take_seconds() -> None:
    """All pairs of them would be 200 million comparisons."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, (20_000, 4), dtype=np.uint64)
    hashes[1:200:2] = hashes[:200:2] ^ np.uint64(7)
    start = time.process_time()
    result = find_near_duplicates(np.unique(hashes, axis=0))
    assert len(result) == 100 and set(result[:, 2]) == {12}
    assert time.process_time() - start < 20


def test_no_hash_has_no_pairs() -> None:
    assert find_near_duplicates(np.empty((0, 4), np.uint64)).shape == (0, 3)
    assert group_near_duplicates(np.empty((0, 4), np.uint64)).shape == (0,)
