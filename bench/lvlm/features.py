"""Run a frozen vision tower once for each batch of pictures, while adapters of the language model come and go."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer

from bench.lvlm.base import LVLM


@contextmanager
def cache_features(lvlm: LVLM) -> Iterator[None]:
    """During the block, take the tower's output from `lvlm.feature_cache` for every batch that it has seen before.

    The cache outlives the block. A tower with an adapter is left alone, since its features depend on the adapter.
    Features are kept for one state of the tower's weights: those that were written since give others.
    For inference: the outputs carry no gradient.
    """
    tower = lvlm.model.get_submodule(lvlm.tower)
    if any(isinstance(module, BaseTunerLayer) for module in tower.modules()):
        yield
        return
    forward, version = tower.forward, sum(parameter._version for parameter in tower.parameters())

    @torch.no_grad()
    def cached_forward(*args: Any, **kwargs: Any) -> Any:
        key = _hash([version, *args, *(value for _, value in sorted(kwargs.items()))])
        output = lvlm.feature_cache.get(key)
        if output is None:
            output = forward(*args, **kwargs)
            lvlm.feature_cache.add(key, output)
        return copy(output)  # models write into the fields of what a tower returns

    tower.forward = cached_forward
    try:
        yield
    finally:
        tower.forward = forward


def _hash(inputs: list[Any]) -> str:
    digest = hashlib.sha256()
    for value in inputs:
        if isinstance(value, torch.Tensor):
            # As bytes, because NumPy has no bfloat16.
            content = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
            digest.update(f"{value.dtype} {tuple(value.shape)}".encode() + content.tobytes())
        else:
            digest.update(repr(value).encode())
    return digest.hexdigest()
