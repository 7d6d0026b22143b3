"""The rules of thumb agree with the layout rules that are used when a picture is really read."""

import pytest

from bench.victims import HUB
from bench.victims.image_tokens import USUAL, count_image_tokens
from reports import image_tokens

WITHOUT_TOKENS = {"llama-3.2-11b-vision"}
"""It reads pictures by cross-attention."""


@pytest.mark.parametrize("side", [512, 896])
@pytest.mark.parametrize("name", sorted(HUB.keys() - WITHOUT_TOKENS))
def test_counts_are_those_of_the_processors(name: str, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_tokens, "SIDE", side)
    assert count_image_tokens(name, side, side) == pytest.approx(image_tokens.count_tokens(name), rel=0.1)


def test_llama_pays_for_its_tiles() -> None:
    (name,) = WITHOUT_TOKENS
    assert count_image_tokens(name, 500, 500) < count_image_tokens(name, 500, 900) < count_image_tokens(name, 900, 900)


def test_an_unknown_architecture_is_taken_for_a_usual_one() -> None:
    assert count_image_tokens("org/name", 512, 512) == USUAL
