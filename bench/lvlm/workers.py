"""Threads for work on pictures, during which Pillow and NumPy let other threads run."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

R = TypeVar("R")


def map_threads(function: Callable[..., R], *arguments: Iterable[object]) -> list[R]:
    """Return the results of a function in the order of its arguments, computed in as many threads as torch may use.

    What torch does in one of these threads is not spread over others.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return list(map(function, *arguments))
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(function, *arguments))
