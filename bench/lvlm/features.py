"""What a frozen vision tower made of pictures, kept while adapters of the language model come and go."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM

LIMIT = 2**30
"""Bytes of features that a loaded model keeps; the least recently used go first."""


class Features:
    """Outputs of a vision tower by the hash of the pixels that it was given."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.size = limit, 0
        self.kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def find(self, key: str) -> Any | None:
        """The output under a key, if it is still there."""
        if key not in self.kept:
            return None
        self.kept.move_to_end(key)
        return self.kept[key][0]

    def keep(self, key: str, output: Any) -> None:
        """Keep an output; forget the oldest where they get too large."""
        size = sum(tensor.nbytes for tensor in _tensors(output))
        self.kept[key] = (output, size)
        self.size += size
        while self.size > self.limit:
            self.size -= self.kept.popitem(last=False)[1][1]


@contextmanager
def remembering(lvlm: "LVLM") -> Iterator[None]:
    """During the block no batch of pictures goes through the vision tower twice, in this block or one before it.

    A tower that wears an adapter is left alone: its features are its own. For inference; outputs carry no gradient.
    """
    tower = lvlm.model.get_submodule(lvlm.tower)
    if any(isinstance(module, BaseTunerLayer) for module in tower.modules()):
        yield
        return
    run = tower.forward

    @torch.no_grad()
    def recall(*args: Any, **kwargs: Any) -> Any:
        key = _key([*args, *(value for _, value in sorted(kwargs.items()))])
        if (found := lvlm.features.find(key)) is None:
            lvlm.features.keep(key, found := run(*args, **kwargs))
        return copy(found)  # models write into the fields of what a tower returns

    tower.forward = recall
    try:
        yield
    finally:
        tower.forward = run


def _key(inputs: list[Any]) -> str:
    digest = hashlib.sha256()
    for value in inputs:
        if isinstance(value, torch.Tensor):
            # As bytes: NumPy has no bfloat16.
            content = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
            digest.update(f"{value.dtype} {tuple(value.shape)}".encode() + content.tobytes())
        else:
            digest.update(repr(value).encode())
    return digest.hexdigest()


def _tensors(output: Any) -> Iterator[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict):
        yield from (tensor for value in output.values() for tensor in _tensors(value))
    elif isinstance(output, list | tuple):
        yield from (tensor for value in output for tensor in _tensors(value))
