"""The pictures and perturbations of a draft: kept as integers off the device, given as float levels on it."""

from collections.abc import Iterator, Mapping, MutableMapping

import numpy as np
import torch

from bench.lazy import Spool
from bench.samples import Sample, SampleSet


class CleanPictures(Mapping[str, torch.Tensor]):
    """The owner's pictures by image_id, (3, H, W) float levels in 0..255 on a device, made when they are asked for."""

    def __init__(self, samples: SampleSet, device: torch.device) -> None:
        self.samples: dict[str, Sample] = {s.image_id: s for s in samples}
        self.device = device

    def __getitem__(self, image_id: str) -> torch.Tensor:
        return to_levels(self.samples[image_id].pixels).to(self.device)

    def size(self, image_id: str) -> tuple[int, int]:
        """Return height and width of a picture, which is not read for it."""
        height, width, _ = self.samples[image_id].shape
        return height, width

    def __iter__(self) -> Iterator[str]:
        return iter(self.samples)

    def __len__(self) -> int:
        return len(self.samples)


class Perturbations(MutableMapping[int, torch.Tensor]):
    """Perturbations by number, (3, H, W) float levels on a device; they are integers, and kept as such in a spool."""

    def __init__(self, device: torch.device) -> None:
        self.spool, self.device = Spool[int](), device

    def __setitem__(self, number: int, perturbation: torch.Tensor) -> None:
        self.write(number, perturbation.round().to("cpu", torch.int16).numpy())

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.from_numpy(self.read(number)).to(self.device).float()

    def write(self, number: int, levels: np.ndarray) -> None:
        """Set a perturbation to (3, H, W) int16 levels."""
        self.spool[number] = levels

    def read(self, number: int) -> np.ndarray:
        """Return a perturbation as (3, H, W) int16 levels."""
        return self.spool[number]

    def __delitem__(self, number: int) -> None:
        del self.spool[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self.spool)

    def __len__(self) -> int:
        return len(self.spool)


def to_levels(pixels: np.ndarray) -> torch.Tensor:
    """Return (H, W, 3) uint8 pixels as (3, H, W) float levels in 0..255."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()
