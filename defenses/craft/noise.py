"""Noise on pictures, without torch: one array of levels for each picture, or for several of them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from bench.lazy import Spool
from bench.samples import SampleSet

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", np.ndarray, "torch.Tensor")


def resize_nearest(noise: Array, size: Sequence[int]) -> Array:
    """Resize noise (3, H, W), an array or a tensor, to (height, width) `size` by repeating or leaving out values.

    No value changes, so noise within a budget stays within it.

    >>> resize_nearest(np.array([[[1, 2], [3, 4]]]), (2, 4)).tolist()
    [[[1, 1, 2, 2], [3, 3, 4, 4]]]
    """
    if tuple(noise.shape[-2:]) == tuple(size):
        return noise
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, noise.shape[-2:], strict=True))
    resized: Array = noise[:, rows][:, :, columns]
    return resized


def add_noise(samples: SampleSet, noise: Mapping[str, np.ndarray]) -> SampleSet:
    """Return samples whose pictures have noise (3, H, W) in levels on them, by `image_id`; the sums stay in 0..255."""
    pictures = Spool[str]()
    for s in samples:
        if s.image_id not in pictures:
            fitted = resize_nearest(noise[s.image_id], s.shape[:2]).transpose(1, 2, 0)
            pictures[s.image_id] = np.clip(s.pixels + fitted, 0, 255).astype(np.uint8)
    return samples.with_pictures(pictures)
