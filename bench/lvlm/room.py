"""Work that is too large for memory is done in smaller parts."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

T = TypeVar("T")
R = TypeVar("R")


class Room:
    """How many items fit at once, learned from what did not. What is made of an item must not depend on the others."""

    def __init__(self) -> None:
        self.fits: int | None = None

    def parts(self, work: Callable[[Sequence[T]], R], items: Sequence[T]) -> list[R]:
        """`work` on all items at once, or where memory runs out on consecutive parts of half the size, and so on.

        `work` must leave nothing behind when it fails. Raises all other errors, and one that a single item raises.
        """
        done: list[R] = []
        start = 0
        while start < len(items):
            part = items[start : start + (self.fits or len(items))]
            if self.tried(lambda part=part: done.append(work(part)), len(part)):  # type: ignore[misc]
                start += len(part)
        return done

    def tried(self, work: Callable[[], object], size: int) -> bool:
        """Whether `work` on `size` items fitted; if not, half as many are tried next."""
        try:
            work()
            return True
        except Exception as error:
            if size == 1 or not full(error):
                raise
        # Outside the handler: the error's traceback holds the tensors that filled the memory.
        clear_device_cache(garbage_collection=True)
        self.fits = size // 2
        return False


def full(error: Exception) -> bool:
    """Whether memory ran out: torch's, or what cuBLAS needs beside it."""
    return should_reduce_batch_size(error) or "CUBLAS_STATUS_ALLOC_FAILED" in str(error)
