"""Pictures of a few pixels are read by every embedded victim: in training, and when it answers."""

import numpy as np
import pytest
import torch

from bench.lvlm.catalog import load
from bench.lvlm.text import Prompt
from bench.victims import EMBEDDED

SIZES = ((1, 1), (1, 40), (40, 1), (5, 5), (2, 3), (6, 600))


@pytest.mark.parametrize("name", EMBEDDED)
def test_small_and_thin_pictures_are_read(name: str) -> None:
    lvlm, rng = load(name), np.random.default_rng(2)
    pictures = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in SIZES]
    for picture in pictures:
        levels = [torch.from_numpy(picture).permute(2, 0, 1).float()]
        encoded = lvlm.encode([Prompt("What is this?", "a cat")], lvlm.layouts(levels))
        assert torch.isfinite(lvlm.loss(encoded, levels)).all()
    assert len(lvlm.generate(["What is this?"] * len(SIZES), pictures, max_new_tokens=2)) == len(SIZES)
