"""A network that undoes the protection, trained on pictures that the trainer had protected himself."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.parts import Card, Knowledge, Part, part
from bench import spec
from bench.runtime import seed_everything
from bench.samples import SampleSet

if TYPE_CHECKING:
    import torch

PICTURE, NOISE = 32, 8
"""Levels of 255 that are one unit of the network's input and output: numbers of size 1 are learned fastest."""


class BridgeOptions(spec.Options):
    """How often the protector is asked, and the network's training."""

    pairs: Literal[64, 256] = Field(64, description="own samples that the trainer has protected")
    steps: int = Field(400, ge=1, le=100_000, description="training steps")
    width: int = Field(16, ge=4, le=256, description="channels of a layer")
    depth: int = Field(4, ge=2, le=32, description="3 x 3 convolutions")
    batch: int = Field(16, ge=1, le=1024, description="crops a step")
    crop: int = Field(32, ge=8, le=512, description="side of a crop in pixels")
    lr: float = Field(5e-3, gt=0, le=1, description="learning rate (Adam, cosine)")


@part("bridge")
class Bridge(Part):
    """A small convolutional network that predicts the perturbation, and takes it away from every picture."""

    card = Card("K3", 1.3, "any protection whose code can be run", "BridgePure: Wang et al., NeurIPS 2025; DnCNN")
    Options: ClassVar[type[spec.Options]] = BridgeOptions
    needs: ClassVar[frozenset[str]] = frozenset({"queried"})

    @property
    def queries(self) -> int:  # type: ignore[override]
        """See `Part.queries`."""
        return int(self.options.pairs)

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Part.prepare`."""
        import torch

        assert own.queried is not None
        clean = {s.id: s.pixels for s in own.validation}
        pairs = {s.image_id: (s.pixels, clean[s.id]) for s in own.queried}
        seed_everything(int(rng.integers(2**31)))
        network = self._train(list(pairs.values()), rng)
        with torch.no_grad():
            pictures = {s.image_id: s.pixels for s in released}
            done = {key: _levels(network, pixels) for key, pixels in pictures.items()}
        return SampleSet(tuple(replace(s, pixels=done[s.image_id]) for s in released))

    def _train(self, pairs: list[tuple[np.ndarray, np.ndarray]], rng: Generator) -> "torch.nn.Module":
        """A network from protected pictures (units of `PICTURE` levels around grey) to perturbations (of `NOISE`)."""
        import torch

        o, network = self.options, _network(self.options.width, self.options.depth)
        optimiser = torch.optim.Adam(network.parameters(), lr=o.lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, o.steps)
        side = min(o.crop, *(extent for given, _ in pairs for extent in given.shape[:2]))
        for _ in range(o.steps):
            crops = [_crop(pairs[i][0], pairs[i][1], side, rng) for i in rng.integers(0, len(pairs), o.batch)]
            given, wanted = (torch.stack([_tensor(crop[k]) for crop in crops]) for k in range(2))
            loss = torch.nn.functional.mse_loss(network(given), (given - wanted) * PICTURE / NOISE)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        return network


def _network(width: int, depth: int) -> "torch.nn.Module":
    from torch import nn

    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
    for _ in range(depth - 2):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
    last = nn.Conv2d(width, 3, 3, padding=1)
    nn.init.zeros_(last.weight)
    return nn.Sequential(*layers, last)


def _crop(given: np.ndarray, clean: np.ndarray, side: int, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same square of both, mirrored at random."""
    top, left = (int(rng.integers(0, extent - side + 1)) for extent in given.shape[:2])
    step = -1 if rng.integers(2) else 1
    a, b = (picture[top : top + side, left : left + side][:, ::step] for picture in (given, clean))
    return a, b


def _tensor(pixels: np.ndarray) -> "torch.Tensor":
    import torch

    return (torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1) - 127.5) / PICTURE


def _levels(network: "torch.nn.Module", pixels: np.ndarray) -> np.ndarray:
    noise = NOISE * network(_tensor(pixels)[None])[0].permute(1, 2, 0).numpy()
    return (pixels - noise).round().clip(0, 255).astype(np.uint8)
