"""Work that is too large for memory is done in smaller parts."""

import ctypes
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

T = TypeVar("T")
R = TypeVar("R")


class MemoryLimit:
    """The number of items that fit into memory at once, learned from the attempts that did not fit.

    The result for an item must not depend on the items that are worked on together with it.
    """

    def __init__(self) -> None:
        self.max_items: int | None = None
        """The most items to try at once; None as long as everything fitted."""

    def map_parts(self, work: Callable[[Sequence[T]], R], items: Sequence[T]) -> list[R]:
        """Apply `work` to all items at once or, where memory runs out, to consecutive parts of half the size.

        A part that does not fit is halved again. `work` must leave nothing behind when it fails. Raises every other
        error, and the memory error of a single item.

        >>> MemoryLimit().map_parts(sum, [1, 2, 3])
        [6]
        """
        results: list[R] = []

        def collect(part: Sequence[T]) -> None:
            results.append(work(part))

        start = 0
        while start < len(items):
            part = items[start : start + (self.max_items or len(items))]
            if self.try_run(partial(collect, part), len(part)):
                start += len(part)
        return results

    def try_run(self, work: Callable[[], object], size: int) -> bool:
        """Run `work` on `size` items and return True; where memory runs out, halve the limit and return False."""
        try:
            work()
            return True
        except Exception as error:
            if size == 1 or not is_out_of_memory(error):
                raise
        # Outside the handler: the error's traceback holds the tensors that filled the memory.
        clear_device_cache(garbage_collection=True)
        self.max_items = size // 2
        return False


def is_out_of_memory(error: Exception) -> bool:
    """Return True if torch ran out of memory, or left too little of it for cuBLAS."""
    return should_reduce_batch_size(error) or "CUBLAS_STATUS_ALLOC_FAILED" in str(error)


def return_freed_memory() -> None:
    """Have the C library of Linux give freed memory back to the system. Other libraries do this by themselves."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
