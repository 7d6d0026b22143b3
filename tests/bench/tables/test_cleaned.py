"""Parts of an attack are shown at work on single pictures: the same function as in training, in the same order."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attacks.grammar import parse_attack
from attacks.parts import PARTS
from bench.errors import UserError
from bench.tables.cleaned import clean_picture, find_cleaners

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("attack", "names"),
    [
        ("lora_sft", []),
        ("lora_sft+drop_inserted", []),
        ("full_sft+crop_color+jpeg+gray", ["jpeg", "gray", "crop_color"]),
        ("lora_sft+ueraser", ["ueraser"]),
        ("lora_sft+paraphrase+median", ["median"]),
    ],
)
def test_parts_that_change_pictures_are_found(attack: str, names: list[str]) -> None:
    assert [part.name for part in find_cleaners(parse_attack(attack))] == names


def test_options_of_the_attack_count() -> None:
    """An option of another part does not."""
    attack = parse_attack("lora_sft(rank=4)+jpeg(quality=15)+crop_color(smallest=0.5)")
    cleaned = clean_picture(PIXELS, find_cleaners(attack)[:1], np.random.default_rng(0))
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG", quality=15)
    assert np.array_equal(cleaned, np.asarray(Image.open(file)))


@pytest.mark.parametrize(
    "attack",
    [
        "lora_sft+jpeg",
        "lora_sft+crop_color+median+blur+resize",
        "lora_sft+noise+bit_depth",
        "lora_sft+ueraser",
        "full_sft+gray",
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (8, 8)])
def test_small_pictures_are_pictures_afterwards(attack: str, size: tuple[int, int]) -> None:
    pixels = PIXELS[: size[0], : size[1]]
    cleaned = clean_picture(pixels, find_cleaners(parse_attack(attack)), np.random.default_rng(0))
    assert cleaned.dtype == np.uint8 and cleaned.shape == pixels.shape


@pytest.mark.parametrize(
    "attack", ["lora_sft+nothing_like_it", "lora_sft+jpeg(quality=900)", "lora_sft+jpeg(kwality=1)"]
)
def test_what_does_not_exist_is_told(attack: str) -> None:
    with pytest.raises(UserError):
        find_cleaners(parse_attack(attack))


def test_code_of_others_is_not_run_for_a_picture(tmp_path: Path) -> None:
    file = tmp_path / "entry.py"
    file.write_text("raise SystemExit('imported')")
    with PARTS.borrow_file("code_0", file):
        assert find_cleaners(parse_attack("lora_sft+code_0+jpeg"))[0].name == "jpeg"
