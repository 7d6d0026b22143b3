"""The rules of thumb agree with the layout rules that are used when a picture is really read."""

import json

import pytest

from bench.lvlm.embedded.smol_llava import NAME, TOWER_OF
from bench.victims import HUB
from bench.victims.files import locate
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


def test_an_assembled_victim_has_the_tokens_of_its_tower() -> None:
    tower = locate(TOWER_OF)
    assert tower is not None
    config = json.loads((tower / "config.json").read_text())
    assert count_image_tokens(NAME, 512, 512) == config["image_seq_length"]
