"""The measures of a protected picture: its distance from the original, and what it is to the surrogates."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bench.owner.platforms import Platform
from bench.samples import Sample
from bench.stages.audit import structural_similarity

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM

PIXELS_TOGETHER = 8 * 2**20
"""Most pixels that the models see together. A step takes about 200 bytes a pixel besides the model."""

BATCH = 16
"""Samples whose loss is measured together."""

STRIP = 256
"""Rows whose similarity is computed together."""

MARGIN = 3
"""Half of a window of the structural similarity, without its middle."""


class Stealth(NamedTuple):
    """linf: levels of 0..255. psnr: dB, None where nothing changed. ssim: 1 means equal."""

    linf: int
    psnr: float | None
    ssim: float


def compare(clean: np.ndarray, protected: np.ndarray) -> Stealth:
    """Return the distances between two pictures (H, W, 3) uint8 of one size.

    >>> compare(np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 2, np.uint8)).linf
    2
    """
    if np.array_equal(clean, protected):
        return Stealth(0, None, 1.0)
    rows = range(0, len(clean), STRIP)
    changes = [np.abs(clean[i : i + STRIP].astype(int) - protected[i : i + STRIP]) for i in rows]
    squared = sum(int((change**2).sum()) for change in changes) / clean.size
    psnr = round(float(10 * np.log10(255**2 / squared)), 2)
    return Stealth(max(int(change.max()) for change in changes), psnr, round(_similarity(clean, protected), 4))


def _similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Return the same as `structural_similarity` does, with a few rows in memory."""
    inner = len(a) - 2 * MARGIN
    if inner <= STRIP:
        return structural_similarity(a, b)
    total = 0.0
    for start in range(0, inner, STRIP):
        count = min(STRIP, inner - start)
        strip = slice(start, start + count + 2 * MARGIN)
        total += count * structural_similarity(a[strip], b[strip])
    return total / inner


def losses(
    models: Sequence["LVLM"], clean: Sequence[Sample], release: Sequence[Sample], platform: Platform | None
) -> dict[str, list[float]]:
    """Return the loss of each answer (nats) on clean samples and on their release: the mean over the models.

    With a platform also after it, as `clean_through` and `release_through`. Empty for samples without answers.
    """
    pairs = [(a, b) for a, b in zip(clean, release, strict=True) if a.answer]
    if not pairs:
        return {}
    sides: dict[str, tuple[list[Sample], Platform | None]] = {
        "clean": ([a for a, _ in pairs], None),
        "release": ([b for _, b in pairs], None),
    }
    if platform:
        sides |= {f"{side}_through": (samples, platform) for side, (samples, _) in sides.items()}
    return {
        side: np.mean([list(answer_losses(m, *pair)) for m in models], axis=0).tolist() for side, pair in sides.items()
    }


def answer_losses(lvlm: "LVLM", samples: Sequence[Sample], platform: Platform | None = None) -> Iterator[float]:
    """Yield the loss of each answer (nats), with the pictures as the platform hands them on."""
    import torch

    from bench.lvlm.text import Prompt

    largest = max(sample.shape[0] * sample.shape[1] for sample in samples)
    size = max(1, min(BATCH, PIXELS_TOGETHER // largest))
    for start in range(0, len(samples), size):
        part = samples[start : start + size]
        pictures = [platform.copy(sample.pixels) if platform else sample.pixels for sample in part]
        images = [torch.from_numpy(pixels.copy()).permute(2, 0, 1).to(lvlm.device).float() for pixels in pictures]
        encoded = lvlm.encode([Prompt(sample.question, sample.answer) for sample in part], lvlm.layouts(images))
        with torch.no_grad():
            yield from lvlm.loss(encoded, images).tolist()
