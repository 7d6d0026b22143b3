"""Qwen2.5-VL: its windows do not disturb the order of the tokens, and both of its end tokens end an answer."""

import numpy as np
import pytest
import torch

from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from tests.bench.lvlm.families.tiny.qwen2_5_vl import build


@pytest.fixture(scope="module")
def model() -> LVLM:
    """A tiny model with windows of two by two tokens."""
    return build()


@pytest.mark.parametrize("windowed", [True, False])
@torch.no_grad()
def test_a_dot_changes_the_features_of_its_window(model: LVLM, monkeypatch: pytest.MonkeyPatch, windowed: bool) -> None:
    """Tokens are in reading order, as in `token_intensity`; with a layer of full attention the dot reaches all."""
    monkeypatch.setattr(model.model.model.visual, "fullatt_block_indexes", [] if windowed else [1])
    rows, columns = 4, 5
    black = np.zeros((28 * rows, 28 * columns, 3), np.uint8)
    for row, column in ((0, 0), (1, 3), (3, 4), (2, 1)):
        dotted = black.copy()
        dotted[28 * row + 3, 28 * column + 20] = 255
        before, after = (
            model.model.model.get_image_features(**model.run_processor([p])).pooler_output[0] for p in (black, dotted)
        )
        changed = (after != before).any(1).view(rows, columns)
        window = torch.zeros(rows, columns, dtype=torch.bool)
        window[row // 2 * 2 : row // 2 * 2 + 2, column // 2 * 2 : column // 2 * 2 + 2] = True
        assert torch.equal(changed, window if windowed else torch.ones_like(window))
        clean, dirty = (torch.from_numpy(p).permute(2, 0, 1).float() for p in (black, dotted))
        (rho,) = model.intensity([dirty], [clean])
        assert rho.view(rows, columns).nonzero().tolist() == [[row, column]]


def test_the_question_follows_the_default_system_turn(model: LVLM) -> None:
    encoded = model.encode([Prompt("What is this?", "a cat")], [(56, 56)])
    text = model.tokenizer.decode(encoded.ids[0])
    assert text == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|>"
        f"{'<|image_pad|>' * 4}<|vision_end|>What is this?<|im_end|>\n<|im_start|>assistant\na cat<|im_end|>\n"
    )
    assert model.tokenizer.decode(encoded.ids[0][encoded.answer[0]]) == "a cat<|im_end|>"
    assert model.tokenizer.convert_ids_to_tokens(model.text.stops) == ["<|endoftext|>", "<|im_end|>"]
