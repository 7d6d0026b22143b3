"""Positions of interval bars in a small SVG: one row a defense, on an axis that fits all of them."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from bench.scoring.stats import Estimate

WIDTH, LEFT, RIGHT, ROW = 640, 170, 40, 26
"""Sizes in units of the picture: all of it, the space for names and for numbers, and one row."""

STEPS = 5
"""Gaps between ticks of an axis, about."""


class Bar(NamedTuple):
    """One row: its name, its height, the ends and the point of its interval, and the number in words."""

    name: str
    y: int
    low: float
    high: float
    at: float
    text: str


class Intervals(NamedTuple):
    """Bars, ticks with their positions and texts, the position of zero, and the height of the picture."""

    bars: list[Bar]
    ticks: list[tuple[float, str]]
    zero: float
    height: int


def place_intervals(rows: Iterable[tuple[str, Estimate]]) -> Intervals:
    """Return the positions of named intervals, from the top.

    >>> drawn = place_intervals([("em", Estimate(0.5, 0.0, 1.0))])
    >>> drawn.bars[0].low, drawn.bars[0].at, drawn.bars[0].high, drawn.zero, drawn.bars[0].text
    (170.0, 385.0, 600.0, 170.0, '0.50 [0.00, 1.00]')
    """
    entries = list(rows)
    ends = [end for _, estimate in entries for end in estimate]
    ticks = _choose_ticks(min([0.0, *ends]), max([0.1, *ends]))
    low, high = ticks[0], ticks[-1]

    def x(value: float) -> float:
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    bars = [
        Bar(name, ROW * number + ROW, x(e.low), x(e.high), x(e.value), f"{e.value:.2f} [{e.low:.2f}, {e.high:.2f}]")
        for number, (name, e) in enumerate(entries)
    ]
    return Intervals(bars, [(x(tick), f"{tick:.2g}") for tick in ticks], x(0), ROW * len(entries) + 2 * ROW)


def _choose_ticks(low: float, high: float) -> list[float]:
    """Return round numbers that enclose a span."""
    rough = (high - low) / STEPS
    size = 10.0 ** np.floor(np.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return [float(round(number * step, 6)) + 0.0 for number in np.arange(first, last + 1)]
