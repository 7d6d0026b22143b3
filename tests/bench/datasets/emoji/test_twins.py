"""Near-twins are found by picture, mirrored or not, and by name; unlike things are not."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from bench.datasets.emoji.art import concepts, held_out_indices, pretraining_indices
from bench.datasets.emoji.twins import NEAR_TWINS, find_near_twins


def drawing(seed: int) -> Image.Image:
    """Return a random picture of large blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((96, 96), Image.Resampling.NEAREST).convert("RGBA")


def test_the_committed_list_is_what_is_found() -> None:
    def pictures(indices: tuple[int, ...]) -> dict[str, Image.Image]:
        return {concepts()[i].name: concepts()[i].art for i in indices}

    assert find_near_twins(pictures(held_out_indices()), pictures(pretraining_indices())) == NEAR_TWINS


def test_the_same_picture_under_another_name_is_a_twin_mirrored_or_a_little_changed() -> None:
    art = drawing(0)
    faded = Image.blend(art, drawing(1), 0.2)
    held_out = {"guard": art, "left": ImageOps.mirror(art), "old": faded, "other": drawing(2)}
    assert find_near_twins(held_out, {"soldier": art, "fish": drawing(3)}) == {"guard", "left", "old"}


@pytest.mark.parametrize(
    ("name", "taught", "same"),
    [
        ("man genie", "genie", True),
        ("women with bunny ears", "woman with bunny ear", True),
        ("rabbit", "rabbit face", True),
        ("water polo", "water pistol", False),
        ("woman", "man", False),
        ("key", "old key", False),
    ],
)
def test_the_same_name_but_for_who_it_is_is_a_twin(name: str, taught: str, same: bool) -> None:
    assert find_near_twins({name: drawing(0)}, {taught: drawing(1)}) == ({name} if same else set())
