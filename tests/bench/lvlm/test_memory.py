"""Work is done in parts that fit into memory: every item once and in order; other errors pass."""

import platform
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.lvlm.memory import MemoryLimit, return_freed_memory


def out_of_memory() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


class Memory:
    """Holds `size` items at once, and records the sizes of all attempts."""

    def __init__(self, size: int) -> None:
        self.size, self.attempts = size, list[int]()

    def work(self, items: Sequence[int]) -> list[int]:
        self.attempts.append(len(items))
        if len(items) > self.size:
            raise out_of_memory()
        return [-item for item in items]


@given(st.integers(1, 50), st.integers(0, 40))
def test_every_item_is_worked_on_once_and_in_order(size: int, count: int) -> None:
    memory, memory_limit = Memory(size), MemoryLimit()
    parts = memory_limit.map_parts(memory.work, range(count))
    assert [item for part in parts for item in part] == [-i for i in range(count)]
    assert all(len(part) <= size for part in parts)
    assert len(parts) <= 2 * count / size + 1, "parts are not smaller than they must be"


def test_a_size_that_did_not_fit_is_not_tried_again() -> None:
    memory, memory_limit = Memory(5), MemoryLimit()
    memory_limit.map_parts(memory.work, range(16))
    assert memory.attempts == [16, 8, 4, 4, 4, 4]
    memory.attempts.clear()
    memory_limit.map_parts(memory.work, range(9))
    assert memory.attempts == [4, 4, 1]


def test_a_single_item_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        MemoryLimit().map_parts(Memory(0).work, range(4))


def test_an_allocation_error_of_cublas_counts_too() -> None:
    def work(items: Sequence[int]) -> int:
        if len(items) > 1:
            raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
        return len(items)

    assert MemoryLimit().map_parts(work, range(4)) == [1, 1, 1, 1]


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("no"), KeyboardInterrupt()])
def test_other_errors_pass_at_once(error: BaseException) -> None:
    attempts = []

    def work(items: Sequence[int]) -> None:
        attempts.append(len(items))
        raise error

    with pytest.raises(type(error)):
        MemoryLimit().map_parts(work, range(8))
    assert attempts == [8]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only this library keeps freed memory")
def test_freed_memory_goes_back_to_the_system() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    blocks = [bytearray(100_000) for _ in range(1000)]
    last = blocks.pop()  # what lies at the end keeps the rest from going back by itself
    full = resident()
    blocks.clear()
    return_freed_memory()
    assert resident() < full - 90_000_000 and len(last) == 100_000
