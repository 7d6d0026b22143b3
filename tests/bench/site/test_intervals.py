"""Interval bars stand where their numbers say, on an axis that fits them."""

import pytest

from bench.scoring.stats import Estimate
from bench.site.intervals import LEFT, RIGHT, WIDTH, place_intervals


@pytest.mark.parametrize(("low", "high"), [(-0.2, 0.05), (0.0, 1.0), (-3.0, 0.9), (0.001, 0.002), (-0.4, -0.3), (0, 0)])
def test_everything_is_within_the_picture(low: float, high: float) -> None:
    middle = (low + high) / 2
    drawn = place_intervals([("em", Estimate(middle, low, high)), ("none", Estimate(0, 0, 0))])
    places = [x for bar in drawn.bars for x in (bar.low, bar.at, bar.high)] + [drawn.zero] + [x for x, _ in drawn.ticks]
    assert min(places) >= LEFT and max(places) <= WIDTH - RIGHT
    assert drawn.bars[0].low <= drawn.bars[0].at <= drawn.bars[0].high
    assert drawn.bars[1].at == drawn.zero
    assert 3 <= len(drawn.ticks) <= 8
    assert "0" in [text for _, text in drawn.ticks]
    assert drawn.height > max(bar.y for bar in drawn.bars)


def test_a_point_stands_between_ticks_by_its_value() -> None:
    drawn = place_intervals([("em", Estimate(0.25, 0.0, 1.0))])
    ticks = {text: x for x, text in drawn.ticks}
    assert drawn.bars[0].at == pytest.approx(ticks["0"] + (ticks["1"] - ticks["0"]) / 4, abs=0.1)


def test_no_rows_are_no_bars() -> None:
    assert place_intervals([]).bars == []
