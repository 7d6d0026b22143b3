"""Train a network that removes the protection, on pictures that the trainer had protected (BridgePure, DnCNN)."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.originals import pair_queries
from attacks.parts import AttackCard, Knowledge, Part, map_pictures, part
from bench import spec
from bench.runtime import seed_everything
from bench.samples import SampleSet

if TYPE_CHECKING:
    import torch

PICTURE_SCALE, NOISE_SCALE = 32, 8
"""8-bit levels in one unit of the network's input and output. Networks learn fastest from values near 1."""


class BridgeOptions(spec.Options):
    """The number of queries, and the network and its training."""

    pairs: Literal[64, 256] = Field(64, description="number of their own samples that the trainer has protected")
    steps: int = Field(400, ge=1, le=100_000, description="training steps")
    width: int = Field(16, ge=4, le=256, description="channels per layer")
    depth: int = Field(4, ge=2, le=32, description="number of 3 x 3 convolutions")
    batch: int = Field(16, ge=1, le=1024, description="crops per step")
    crop: int = Field(32, ge=8, le=512, description="side of a crop in pixels")
    lr: float = Field(5e-3, gt=0, le=1, description="learning rate (Adam, cosine)")


@part("bridge")
class Bridge(Part[BridgeOptions]):
    """Subtract the perturbation that a small convolutional network predicts from every picture."""

    card = AttackCard("K3", 1.3, "any protection whose code can be run", "BridgePure: Wang et al., NeurIPS 2025; DnCNN")
    needs: ClassVar[frozenset[str]] = frozenset({"queried"})

    @property
    def queries(self) -> int:
        """The option `pairs`."""
        return self.options.pairs

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Train the network on pairs of protected and clean pictures, and apply it to the release."""
        import torch

        seed_everything(int(rng.integers(2**31)))
        network = self._train(pair_queries(knowledge), rng)
        with torch.no_grad():
            return map_pictures(released, lambda pixels: _denoise(network, pixels))

    def _train(self, pairs: list[tuple[np.ndarray, np.ndarray]], rng: Generator) -> "torch.nn.Module":
        """Return a network that maps protected pictures to their perturbations.

        Its input is in units of `PICTURE_SCALE` levels around grey, its output in units of `NOISE_SCALE` levels.
        """
        import torch

        o, network = self.options, _build_network(self.options.width, self.options.depth)
        optimiser = torch.optim.Adam(network.parameters(), lr=o.lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, o.steps)
        side = min(o.crop, *(extent for protected, _ in pairs for extent in protected.shape[:2]))
        for _ in range(o.steps):
            indices: list[int] = rng.integers(0, len(pairs), o.batch).tolist()
            crops = [_random_crop(*pairs[i], side, rng) for i in indices]
            protected = torch.stack([_to_tensor(crop) for crop, _ in crops])
            clean = torch.stack([_to_tensor(crop) for _, crop in crops])
            target = (protected - clean) * PICTURE_SCALE / NOISE_SCALE
            loss = torch.nn.functional.mse_loss(network(protected), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        return network


def _build_network(width: int, depth: int) -> "torch.nn.Module":
    """Return `depth` convolutions with ReLU between them. The weights of the last one are zero at first."""
    from torch import nn

    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
    for _ in range(depth - 2):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
    last = nn.Conv2d(width, 3, 3, padding=1)
    nn.init.zeros_(last.weight)
    return nn.Sequential(*layers, last)


def _random_crop(protected: np.ndarray, clean: np.ndarray, side: int, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the same random square of both pictures, mirrored in half of the cases."""
    top, left = (int(rng.integers(0, extent - side + 1)) for extent in protected.shape[:2])
    step = -1 if rng.integers(2) else 1
    window = np.s_[top : top + side, left : left + side]
    return protected[window][:, ::step], clean[window][:, ::step]


def _to_tensor(pixels: np.ndarray) -> "torch.Tensor":
    """Return a picture as network input, (3, H, W)."""
    import torch

    return (torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1) - 127.5) / PICTURE_SCALE


def _denoise(network: "torch.nn.Module", pixels: np.ndarray) -> np.ndarray:
    """Subtract the predicted perturbation from a picture, (H, W, 3) uint8."""
    noise = NOISE_SCALE * network(_to_tensor(pixels)[None])[0].permute(1, 2, 0).numpy()
    denoised: np.ndarray = (pixels - noise).round().clip(0, 255)
    return denoised.astype(np.uint8)
