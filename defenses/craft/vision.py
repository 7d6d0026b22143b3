"""Features of a frozen vision tower, differentiable down to the pixels, for methods that need no language model."""

from collections.abc import Sequence
from typing import Any

import torch

from bench.lvlm.base import LVLM
from bench.lvlm.memory import MemoryLimit
from bench.lvlm.text import Prompt
from bench.samples import SampleSet


class _Seen(Exception):
    """The tower has answered; the language model need not."""

    def __init__(self, output: Any) -> None:
        self.output = output


def tower_features(lvlm: LVLM, images: Sequence[torch.Tensor]) -> torch.Tensor:
    """(N, D): the mean over each picture's patches of the tower's output. Pictures (3, H, W) of one size, in levels."""

    def stop(*hooked: Any) -> None:
        raise _Seen(hooked[-1])

    encoded = lvlm.encode([Prompt("") for _ in images], lvlm.layouts(images))
    handle = lvlm.model.get_submodule(lvlm.tower).register_forward_hook(stop)
    try:
        lvlm.forward(encoded, images)
    except _Seen as seen:
        output = seen.output if isinstance(seen.output, torch.Tensor) else seen.output[0]
        return output.reshape(len(images), -1, output.shape[-1]).mean(1).float()
    finally:
        handle.remove()
    raise RuntimeError(f"{lvlm.name}: the vision tower was not asked")


@torch.no_grad()
def features_of(samples: SampleSet, lvlm: LVLM, batch: int = 64) -> dict[str, torch.Tensor]:
    """`tower_features` (D,) of each picture, in order of first appearance."""
    pictures = {s.image_id: torch.from_numpy(s.pixels.copy()).permute(2, 0, 1).float() for s in samples}
    sizes: dict[tuple[int, ...], list[str]] = {}
    for key, picture in pictures.items():
        sizes.setdefault(tuple(picture.shape), []).append(key)
    found: dict[str, torch.Tensor] = {}
    for keys in sizes.values():
        for start in range(0, len(keys), batch):
            some = keys[start : start + batch]
            parts = MemoryLimit().map_parts(lambda few: tower_features(lvlm, [pictures[k].to(lvlm.device) for k in few]), some)
            found |= zip(some, torch.cat(parts), strict=True)
    return {key: found[key] for key in pictures}
