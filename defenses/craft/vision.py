"""Features of a vision tower, differentiable down to the pixels, for methods that need no language model.

Clusters of such features are the classes of Unlearnable Clusters (Zhang et al., CVPR 2023).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from bench.lvlm.base import LVLM
from bench.lvlm.memory import MemoryLimit
from bench.lvlm.text import Prompt
from bench.samples import SampleSet
from defenses.craft.clusters import k_means
from defenses.craft.levels import CleanPictures


class _TowerOutput(Exception):
    """Carries the output of the tower out of a forward pass, before the language model runs."""

    def __init__(self, output: Any) -> None:
        self.output = output


def tower_features(lvlm: LVLM, images: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the mean of the tower's output over the patches of each picture, (N, D).

    Pictures are (3, H, W) of one size, in levels. Raises RuntimeError if the model does not use its tower.
    """

    def stop(*hook_arguments: Any) -> None:
        raise _TowerOutput(hook_arguments[-1])

    encoded = lvlm.encode([Prompt("") for _ in images], lvlm.layouts(images))
    handle = lvlm.model.get_submodule(lvlm.tower).register_forward_hook(stop)
    try:
        lvlm.forward(encoded, images)
    except _TowerOutput as stopped:
        output = stopped.output if isinstance(stopped.output, torch.Tensor) else stopped.output[0]
        return output.reshape(len(images), -1, output.shape[-1]).mean(1).float()
    finally:
        handle.remove()
    raise RuntimeError(f"{lvlm.name}: the forward pass did not reach the vision tower {lvlm.tower!r}")


@torch.no_grad()
def compute_features(samples: SampleSet, lvlm: LVLM, batch: int = 64) -> dict[str, torch.Tensor]:
    """Return `tower_features` (D,) of each picture by image_id, in order of first appearance."""
    pictures = CleanPictures(samples, lvlm.device)
    by_size: dict[tuple[int, int], list[str]] = {}
    for image_id in pictures:
        by_size.setdefault(pictures.size(image_id), []).append(image_id)

    def compute(image_ids: Sequence[str]) -> torch.Tensor:
        return tower_features(lvlm, [pictures[key] for key in image_ids])

    features: dict[str, torch.Tensor] = {}
    for image_ids in by_size.values():
        for start in range(0, len(image_ids), batch):
            chunk = image_ids[start : start + batch]
            features |= zip(chunk, torch.cat(MemoryLimit().map_parts(compute, chunk)), strict=True)
    return {image_id: features[image_id] for image_id in pictures}


def cluster_by_vision(samples: SampleSet, lvlm: LVLM, count: int, seed: int) -> dict[str, int]:
    """Return the cluster of each picture, by k-means on its mean features."""
    features = compute_features(samples, lvlm)
    points = np.stack([feature.cpu().double().numpy() for feature in features.values()])
    return dict(zip(features, k_means(points, count, seed), strict=True))
