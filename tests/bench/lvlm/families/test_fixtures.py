"""Our tokens, masks and pixels against what transformers' combined processors gave where torchvision is installed.

The fixtures are `scripts/freeze_processors.py`'s, which reads none of the code that is tested here.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from scripts.freeze_processors import picture, places
from tests.bench.lvlm.families.tiny import VARIANTS

FIXTURES = {file.stem: json.loads(file.read_text()) for file in (Path(__file__).parent / "fixtures").glob("*.json")}

ENDLESS = {"llava": 1, "glm4v": 0}
"""Variants whose template ends no answer, and how many tokens follow it there: ours has an end of turn instead."""


@pytest.fixture(scope="module", params=VARIANTS)
def model(request: pytest.FixtureRequest) -> LVLM:
    return VARIANTS[request.param]()


@pytest.fixture
def variant(request: pytest.FixtureRequest) -> str:
    """The model's name."""
    return request.node.callspec.params["model"]


@pytest.fixture
def pictures(variant: str) -> list[dict[str, Any]]:
    """What the processor gave for each size of picture."""
    return FIXTURES[variant]["pictures"]


def shape(frozen: dict[str, str]) -> list[int]:
    return [int(side) for side in frozen["shape"].split()]


def whole(frozen: dict[str, str]) -> torch.Tensor:
    """The tensor behind "7 0x3"."""
    numbers: list[int] = []
    for run in frozen["runs"].split():
        value, _, count = run.partition("x")
        numbers += [int(value)] * int(count or 1)
    return torch.tensor(numbers).reshape(shape(frozen))


def test_every_variant_is_frozen() -> None:
    assert FIXTURES.keys() == VARIANTS.keys()
    assert all(fixture["backend"] == "torchvision" for fixture in FIXTURES.values())


def test_the_tokens_are_the_combined_processors(model: LVLM, variant: str, pictures: list[dict[str, Any]]) -> None:
    for shown in pictures:
        for asked in shown["prompts"]:
            encoded = model.encode([Prompt(asked["question"], asked["answer"])], [model.layout(tuple(shown["size"]))])
            expected = whole(asked["input_ids"])
            if asked["answer"] and variant in ENDLESS:
                kept = expected[:, : expected.shape[1] - ENDLESS[variant]]
                expected = F.pad(kept, (0, 1), value=model.tokenizer.eos_token_id)
            assert torch.equal(encoded.ids, expected), (shown["size"], asked["question"])


def test_what_goes_with_the_tokens_is_the_combined_processors(model: LVLM, pictures: list[dict[str, Any]]) -> None:
    for shown in pictures:
        layouts = [model.layout(tuple(shown["size"]))]
        for asked in shown["prompts"]:
            encoded = model.encode([Prompt(asked["question"], asked["answer"])], layouts)
            ours = model.position_inputs(encoded, layouts) | model.generation_inputs(encoded, layouts)
            frozen = {key: whole(asked[key]) for key in asked if key.endswith(("_type_ids", "attention_mask"))}
            assert frozen.keys() >= ours.keys() - {"position_ids"}
            for key, value in frozen.items():
                # A tokenizer may add types that are all zero, which no model of these reads.
                own = ours.get(key, torch.zeros_like(value))
                assert torch.equal(own[..., : value.shape[-1]], value), (key, shown["size"])


def test_the_pixels_are_the_torchvision_processors(
    model: LVLM, pictures: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All whole numbers, and evenly spaced ones of the floats, where the processor's library is torchvision."""
    monkeypatch.setattr(type(model.processor), "backend", "torchvision")
    for shown in pictures:
        ours = model.pixel_values([torch.from_numpy(picture(*shown["size"])).permute(2, 0, 1)])
        assert ours.keys() == shown["pixels"].keys()
        for key, frozen in shown["pixels"].items():
            assert list(ours[key].shape) == shape(frozen), (key, shown["size"])
            if "runs" in frozen:
                assert torch.equal(ours[key].long(), whole(frozen)), (key, shown["size"])
                continue
            expected = torch.tensor([float(level) for level in frozen["samples"].split()])
            levels = ours[key].flatten()[places(ours[key].numel())]
            torch.testing.assert_close(levels, expected, rtol=0, atol=1e-3)
