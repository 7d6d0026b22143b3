"""Two victims of different families share one vision tower, as real models share CLIP or SigLIP."""

from bench.game.threat import surrogates
from bench.lvlm.catalog import load
from bench.victims import family


def test_the_tower_is_the_same_to_the_bit_and_the_language_models_are_not() -> None:
    one, other = (load(name).model.state_dict() for name in ("tiny-gemma3-64", "tiny-llava-64"))
    towers = [{key for key in state if key.startswith("model.vision_tower.")} for state in (one, other)]
    assert towers[0] == towers[1]
    assert len(towers[0]) > 30
    assert all(one[key].equal(other[key]) for key in towers[0])
    assert not any(
        one[key].shape == other[key].shape and one[key].equal(other[key])
        for key in (one.keys() & other.keys()) - towers[0]
        if one[key].ndim > 1
    )


def test_a_black_box_with_a_shared_tower_can_be_asked_for() -> None:
    assert family("tiny-gemma3-64") != family("tiny-llava-64")
    assert surrogates("tiny-llava-64", "black", ["tiny-gemma3-64"]) == ("tiny-gemma3-64",)


def test_both_read_64_tokens_and_see_alike() -> None:
    for name in ("tiny-gemma3-64", "tiny-llava-64", "tiny-internvl-64"):
        lvlm = load(name)
        assert lvlm.image_tokens(lvlm.layout((64, 64))).count(lvlm.image_token) == 64
