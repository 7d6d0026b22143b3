"""Tokens, masks and pixels equal those of transformers' combined processors in an environment with torchvision.

`scripts/freeze_processors.py` wrote the fixtures without any of the code that is tested here.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from scripts.freeze_processors import make_picture, sample_indices
from tests.bench.lvlm.families.tiny import VARIANTS

FIXTURES = {file.stem: json.loads(file.read_text()) for file in (Path(__file__).parent / "fixtures").glob("*.json")}

ENDLESS = {"llava": 1, "glm4v": 0}
"""Variants whose template has no end of turn, and the number of tokens that follow the answer there."""


@pytest.fixture(scope="module", params=VARIANTS)
def model(request: pytest.FixtureRequest) -> LVLM:
    return VARIANTS[request.param]()


@pytest.fixture
def variant(request: pytest.FixtureRequest) -> str:
    """The model's name."""
    return request.node.callspec.params["model"]


@pytest.fixture
def pictures(variant: str) -> list[dict[str, Any]]:
    """The outputs of the combined processor for each size of picture."""
    return FIXTURES[variant]["pictures"]


def parse_shape(frozen: dict[str, str]) -> list[int]:
    return [int(side) for side in frozen["shape"].split()]


def decode_runs(frozen: dict[str, str]) -> torch.Tensor:
    """Return the tensor that "7 0x3" and its shape stand for."""
    numbers: list[int] = []
    for run in frozen["runs"].split():
        value, _, count = run.partition("x")
        numbers += [int(value)] * int(count or 1)
    return torch.tensor(numbers).reshape(parse_shape(frozen))


def test_every_variant_is_frozen() -> None:
    assert FIXTURES.keys() == VARIANTS.keys()
    assert all(fixture["backend"] == "torchvision" for fixture in FIXTURES.values())


def test_the_tokens_are_the_combined_processors(model: LVLM, variant: str, pictures: list[dict[str, Any]]) -> None:
    for case in pictures:
        for prompt in case["prompts"]:
            encoded = model.encode([Prompt(prompt["question"], prompt["answer"])], [model.layout(tuple(case["size"]))])
            expected = decode_runs(prompt["input_ids"])
            if prompt["answer"] and variant in ENDLESS:
                kept = expected[:, : expected.shape[1] - ENDLESS[variant]]
                expected = F.pad(kept, (0, 1), value=model.tokenizer.eos_token_id)
            assert torch.equal(encoded.ids, expected), (case["size"], prompt["question"])


def test_inputs_that_belong_to_the_tokens_are_the_combined_processors(
    model: LVLM, pictures: list[dict[str, Any]]
) -> None:
    for case in pictures:
        layouts = [model.layout(tuple(case["size"]))]
        for prompt in case["prompts"]:
            encoded = model.encode([Prompt(prompt["question"], prompt["answer"])], layouts)
            ours = model.position_inputs(encoded, layouts) | model.generation_inputs(encoded, layouts)
            frozen = {key: decode_runs(prompt[key]) for key in prompt if key.endswith(("_type_ids", "attention_mask"))}
            assert frozen.keys() >= ours.keys() - {"position_ids"}
            for key, value in frozen.items():
                # A tokenizer may add token types that are all zero, which none of these models reads.
                actual = ours.get(key, torch.zeros_like(value))
                assert torch.equal(actual[..., : value.shape[-1]], value), (key, case["size"])


def test_the_pixels_are_the_torchvision_processors(
    model: LVLM, pictures: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All whole numbers, and evenly spaced ones of the floats, where the processor's library is torchvision."""
    monkeypatch.setattr(type(model.processor), "backend", "torchvision")
    for case in pictures:
        ours = model.pixel_values([torch.from_numpy(make_picture(*case["size"])).permute(2, 0, 1)])
        assert ours.keys() == case["pixels"].keys()
        for key, frozen in case["pixels"].items():
            assert list(ours[key].shape) == parse_shape(frozen), (key, case["size"])
            if "runs" in frozen:
                assert torch.equal(ours[key].long(), decode_runs(frozen)), (key, case["size"])
                continue
            expected = torch.tensor([float(level) for level in frozen["samples"].split()])
            levels = ours[key].flatten()[sample_indices(ours[key].numel())]
            torch.testing.assert_close(levels, expected, rtol=0, atol=1e-3)
