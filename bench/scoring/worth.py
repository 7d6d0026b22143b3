"""Worth in clean pictures: how many of the owner's clean pictures give a trainer the same accuracy as a release."""

from collections.abc import Mapping

import numpy as np


def count_equal_pictures(accuracy: float, curve: Mapping[int, float]) -> float:
    """Return the number of clean pictures that are worth `accuracy`, in [0,1], read off a clean learning curve.

    `curve`: accuracy by number of pictures; it has 0, what a trainer reaches without any, and all of the owner's.
    Points that fall below an earlier one are raised to it, and between points the curve is straight. The result lies
    between 0 and the largest number.

    >>> count_equal_pictures(0.5, {0: 0.1, 100: 0.4, 200: 0.6})
    150.0
    >>> count_equal_pictures(0.05, {0: 0.1, 100: 0.4}), count_equal_pictures(0.9, {0: 0.1, 100: 0.4})
    (0.0, 100.0)
    """
    pictures = sorted(curve)
    accuracies = np.maximum.accumulate([curve[count] for count in pictures])
    distinct = np.concatenate([[True], np.diff(accuracies) > 0])
    return float(np.interp(accuracy, accuracies[distinct], np.array(pictures)[distinct]))
