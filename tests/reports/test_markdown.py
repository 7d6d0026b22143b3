"""Tables and intervals as they stand on the pages."""

import doctest

from reports import markdown


def test_the_examples_are_right() -> None:
    assert doctest.testmod(markdown) == doctest.TestResults(failed=0, attempted=3)


def test_an_interval_has_signs_and_the_digits_that_are_wanted() -> None:
    assert markdown.interval([-0.004, -12.5, 3], digits=1) == "-0.0 [-12.5, +3.0]"


def test_a_missing_estimate_is_an_empty_cell() -> None:
    assert markdown.interval([float("nan")] * 3) == ""
