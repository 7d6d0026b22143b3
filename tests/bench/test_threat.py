"""Who the surrogates are."""

import pytest

from bench.errors import UserError
from bench.threat import surrogates
from bench.victims import EMBEDDED


@pytest.mark.parametrize("victim", EMBEDDED)
def test_the_victim_is_a_surrogate_in_the_white_box_alone(victim: str) -> None:
    assert surrogates(victim, "white") == (victim,)
    black = surrogates(victim, "black")
    assert victim not in black
    assert black
    assert all(EMBEDDED[name] != EMBEDDED[victim] for name in black)


def test_gray_stays_in_the_family_or_says_why_not() -> None:
    for victim, family in EMBEDDED.items():
        others = [name for name, f in EMBEDDED.items() if f == family and name != victim]
        if others:
            assert surrogates(victim, "gray") == tuple(others)
        else:
            with pytest.raises(UserError, match="second checkpoint"):
                surrogates(victim, "gray")
