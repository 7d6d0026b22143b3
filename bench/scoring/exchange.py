"""Ask whether a model tells one copy of some samples from others that were made in the same way: an exact test.

A release and its fresh copies differ only in what was drawn at random. For a model that depends on none of these draws
they are exchangeable, block by block (a block: samples whose draws hang together). So each choice of one copy a block
is as likely as the release itself, and the share of choices that look at least as well known is a p. It needs no
distribution, holds for every model whatever it was trained on, and is exact for any number of samples.
"""

import functools
from collections.abc import Sequence
from math import ceil, prod

import numpy as np
from scipy.stats import rankdata

MOST = 2**17
"""Choices up to which all are counted; of more, as many are drawn."""

FEWEST = 3
"""Copies at least: with fewer the release is compared with the luck of one or two."""


def copies_needed(blocks: int, alpha: float) -> int:
    """Return how many fresh copies let p fall to `alpha`.

    >>> [copies_needed(blocks, 0.01) for blocks in (1, 2, 3, 8)]
    [99, 9, 4, 3]
    """
    return max(FEWEST, ceil(round(float(alpha ** (-1 / blocks)), 9)) - 1)


def known_better(losses: Sequence[np.ndarray], seed: int = 0) -> float:
    """Return the one-sided p that the first copy is no better known than the others.

    losses: of each block, (copies, samples), the release first. A sample counts by the rank of its loss among its
    copies, so that no answer outweighs the others.

    >>> block = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.3]])
    >>> round(known_better([block]), 3), round(known_better([block, block]), 3)
    (0.333, 0.111)
    """
    sums = [rankdata(block, axis=0).sum(1) for block in losses]
    known = sum(block[0] for block in sums)
    if prod(map(len, sums)) <= MOST:
        choices = functools.reduce(np.add.outer, sums).ravel()
        return float(np.mean(choices <= known))
    rng = np.random.default_rng(seed)
    choices = sum(block[rng.integers(0, len(block), MOST)] for block in sums)
    return float((1 + np.sum(choices <= known)) / (1 + MOST))
