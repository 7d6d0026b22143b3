"""Near-duplicate pictures: a perceptual hash, and a fast search for all pairs of hashes that differ in few bits.

The hash is the 256-bit pHash: the signs of the 16 x 16 lowest DCT frequencies of a grey 64 x 64 copy, around their
median. The usual 64-bit form cannot tell pages of text apart: of 228 pages, two differed in 2 of 64 bits. In 256 bits,
no two differed in fewer than 66, and JPEG copies at 80 % of the size in at most 6 (`studies/near_duplicates.py`).
"""

from collections.abc import Callable, Iterable

import imagehash
import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bench.samples import SampleSet

HASH_SIDE = 16
MAX_DISTANCE = 24
"""Pictures whose hashes differ in at most this many of the 256 bits count as the same picture."""


def perceptual_hash(pixels: np.ndarray) -> np.ndarray:
    """Return the pHash of (H, W, 3) uint8 pixels, as (4,) uint64.

    >>> perceptual_hash(np.zeros((64, 64, 3), np.uint8)).shape
    (4,)
    """
    bits = imagehash.phash(Image.fromarray(pixels), hash_size=HASH_SIDE).hash
    return np.packbits(bits).view(np.uint64)


def hash_pictures(sets: Iterable[SampleSet]) -> np.ndarray:
    """Return the hashes of all different pictures in the sample sets, (N, 4) uint64."""
    pictures = {s.image_id: s.pixels for samples in sets for s in samples}
    return np.array([perceptual_hash(pixels) for pixels in pictures.values()], np.uint64).reshape(-1, 4)


def draw_distinct(draw: Callable[[], np.ndarray], hashes: np.ndarray) -> np.ndarray:
    """Call `draw` until its picture is no near-duplicate of those with the `hashes`, (N, 4) uint64, and return it."""
    while True:
        pixels = draw()
        distances = np.bitwise_count(hashes ^ perceptual_hash(pixels)).sum(1)
        if not (distances <= MAX_DISTANCE).any():
            return pixels


def find_near_duplicates(hashes: np.ndarray, radius: int = MAX_DISTANCE) -> np.ndarray:
    """Return every pair of (N, 4) *distinct* hashes that differ in at most `radius` bits: (K, 3) of i < j and distance.

    The bits are cut into `radius + 1` chunks. Two hashes that differ in at most `radius` bits agree in at least one
    whole chunk (pigeonhole), so only hashes that share a chunk are compared. 10,000 hashes take a quarter of a second,
    unless very many are nearly the same.
    """
    bits = np.unpackbits(hashes.view(np.uint8), axis=1)
    pairs = [np.empty((0, 3), np.int64)]
    for chunk in range(radius + 1):
        part = np.packbits(bits[:, chunk :: radius + 1], axis=1)
        _, keys = np.unique(part.view(f"V{part.shape[1]}").reshape(-1), return_inverse=True)
        order = np.argsort(keys, kind="stable")
        pairs += _pairs_within_runs(hashes, keys[order], order, radius)
    return np.unique(np.concatenate(pairs), axis=0)


def _pairs_within_runs(hashes: np.ndarray, keys: np.ndarray, order: np.ndarray, radius: int) -> list[np.ndarray]:
    """Return the close pairs within runs of equal sorted `keys`: first neighbours 1 apart, then 2 apart, and so on."""
    pairs, shift, starts = [], 1, np.arange(len(keys) - 1)
    while len(starts):
        starts = starts[keys[starts] == keys[starts + shift]]
        i, j = order[starts], order[starts + shift]
        distance = np.bitwise_count(hashes[i] ^ hashes[j]).sum(axis=1, dtype=np.int64)
        close = distance <= radius
        pairs.append(np.stack([np.minimum(i, j), np.maximum(i, j), distance], axis=1)[close])
        shift += 1
        starts = starts[starts < len(keys) - shift]
    return pairs


def group_near_duplicates(hashes: np.ndarray, radius: int = MAX_DISTANCE) -> np.ndarray:
    """Return (N,) group labels of (N, 4) hashes: near-duplicates, and near-duplicates of those, share a label."""
    distinct, inverse = np.unique(hashes, axis=0, return_inverse=True)
    i, j, _ = find_near_duplicates(distinct, radius).T
    links = coo_array((np.ones(len(i)), (i, j)), shape=(len(distinct),) * 2)
    return np.asarray(connected_components(links, directed=False)[1])[inverse.reshape(-1)]
