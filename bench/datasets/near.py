"""Near-duplicate pictures: a perceptual hash, and all pairs of hashes that differ in few bits without comparing all.

The hash is the 256-bit pHash (the signs of the 16 x 16 lowest DCT frequencies of a grey 64 x 64 copy, around their
median). Its 64-bit form cannot tell pages of text apart: of 228 pages two differed in 2 of 64 bits, no two in fewer
than 66 of 256; their JPEG copies at 80 % of the size in at most 6 (`studies/near_duplicates.py`).
"""

from collections.abc import Callable, Iterable

import imagehash
import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bench.samples import SampleSet

SIDE = 16
NEAR = 24
"""Pictures whose hashes differ in at most so many of the 256 bits count as the same picture."""


def fingerprint(pixels: np.ndarray) -> np.ndarray:
    """The hash of (H, W, 3) uint8 pixels, as (4,) uint64."""
    bits = imagehash.phash(Image.fromarray(pixels), hash_size=SIDE).hash
    return np.packbits(bits).view(np.uint64)


def hashes(sets: Iterable[SampleSet]) -> np.ndarray:
    """The hashes of all pictures of some sets, (N, 4) uint64."""
    pictures = {s.image_id: s.pixels for samples in sets for s in samples}
    return np.array([fingerprint(pixels) for pixels in pictures.values()], np.uint64).reshape(-1, 4)


def apart(draw: Callable[[], np.ndarray], taken: np.ndarray) -> np.ndarray:
    """The first picture of `draw` that is no near-duplicate of any with the hashes `taken`, (N, 4) uint64."""
    while True:
        pixels = draw()
        differing = np.bitwise_count(taken ^ fingerprint(pixels)).sum(1)
        if not (differing <= NEAR).any():
            return pixels


def pairs(hashes: np.ndarray, radius: int = NEAR) -> np.ndarray:
    """(K, 3) of i < j and the distance of every two of (N, 4) *distinct* hashes that differ in at most `radius` bits.

    By pigeonhole such two agree in all of at least one of `radius + 1` chunks of their bits, so that only what shares
    a chunk is compared: 10,000 hashes take a quarter of a second, unless very many are nearly the same.
    """
    bits = np.unpackbits(hashes.view(np.uint8), axis=1)
    found = [np.empty((0, 3), np.int64)]
    for chunk in range(radius + 1):
        part = np.packbits(bits[:, chunk :: radius + 1], axis=1)
        _, keys = np.unique(part.view(f"V{part.shape[1]}").reshape(-1), return_inverse=True)
        order = np.argsort(keys, kind="stable")
        found += _neighbours(hashes, keys[order], order, radius)
    return np.unique(np.concatenate(found), axis=0)


def _neighbours(hashes: np.ndarray, keys: np.ndarray, order: np.ndarray, radius: int) -> list[np.ndarray]:
    """Pairs within runs of equal sorted `keys`: those 1 apart, 2 apart, and so on until no run is so long."""
    found, shift, alive = [], 1, np.arange(len(keys))
    while len(alive := alive[alive < len(keys) - shift]):
        alive = alive[keys[alive] == keys[alive + shift]]
        i, j = order[alive], order[alive + shift]
        distance = np.bitwise_count(hashes[i] ^ hashes[j]).sum(axis=1, dtype=np.int64)
        keep = distance <= radius
        found.append(np.stack([np.minimum(i, j), np.maximum(i, j), distance], axis=1)[keep])
        shift += 1
    return found


def groups(hashes: np.ndarray, radius: int = NEAR) -> np.ndarray:
    """(N,) labels of (N, 4) hashes: near-duplicates, and near-duplicates of those, share one."""
    distinct, inverse = np.unique(hashes, axis=0, return_inverse=True)
    i, j, _ = pairs(distinct, radius).T
    links = coo_array((np.ones(len(i)), (i, j)), shape=(len(distinct),) * 2)
    return np.asarray(connected_components(links, directed=False)[1])[inverse.reshape(-1)]
