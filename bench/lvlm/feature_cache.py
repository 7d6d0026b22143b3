"""A cache of what a frozen vision tower computed, limited in bytes."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import torch

LIMIT = 2**25
"""Bytes of features that a loaded model keeps."""


class FeatureCache:
    """Outputs of a vision tower by the hash of its inputs; the least recently used are dropped first.

    >>> cache = FeatureCache(limit=8)
    >>> cache.add("a", torch.zeros(2))
    >>> cache.add("b", torch.ones(1))
    >>> cache.get("a"), cache.get("b")
    (None, tensor([1.]))
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.size = limit, 0
        self.entries: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def get(self, key: str) -> Any | None:
        """Return the output stored under `key`, or None."""
        if key not in self.entries:
            return None
        self.entries.move_to_end(key)
        return self.entries[key][0]

    def add(self, key: str, output: Any) -> None:
        """Store an output, and drop the least recently used ones while all together exceed the limit."""
        size = sum(tensor.nbytes for tensor in _tensors(output))
        self.entries[key] = (output, size)
        self.size += size
        while self.size > self.limit:
            self.size -= self.entries.popitem(last=False)[1][1]


def _tensors(output: Any) -> Iterator[torch.Tensor]:
    """Yield every tensor inside nested dictionaries, lists and tuples."""
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict):
        yield from (tensor for value in output.values() for tensor in _tensors(value))
    elif isinstance(output, list | tuple):
        yield from (tensor for value in output for tensor in _tensors(value))
