"""The settings of published checkpoints drive the contract, on tiny random weights.

The contract's own tests run here again, on models that were loaded from a folder.
"""

from pathlib import Path

import numpy as np
import pytest

from bench import victims
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import ARCHITECTURES
from bench.lvlm.checkpoint import open_checkpoint
from tests.bench.lvlm.families.published_settings import SETTINGS, write_checkpoint
from tests.bench.lvlm.families.test_contract import (  # noqa: F401 - collected here with the models of this file
    test_pixels_are_the_processors,
    test_the_loss_is_the_models_own,
)

HEAVY = {"idefics3", "mllama"}
"""Families whose published pictures have thousands of patches: 17 tiles, and two pictures of four."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of each family."""
    return {name: write_checkpoint(name, tmp_path_factory.mktemp(name)) for name in SETTINGS}


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.slow) if name in HEAVY else name for name in SETTINGS]
)
def model(request: pytest.FixtureRequest, folders: dict[str, Path]) -> LVLM:
    return open_checkpoint(request.param, folders[request.param])


def test_every_architecture_has_published_settings_with_a_source(folders: dict[str, Path]) -> None:
    assert {victims.read_architecture(folder) for folder in folders.values()} == set(ARCHITECTURES)
    for settings in SETTINGS.values():
        assert settings["model"] and all(settings["source"].values())


def test_published_settings_are_read_and_answers_stay_greedy(model: LVLM, request: pytest.FixtureRequest) -> None:
    """Sampling, penalties and cache kinds of the file are left out; ends of turn are kept."""
    settings = SETTINGS[request.node.callspec.params["model"]]
    for key in ("patch_size", "max_image_tiles", "max_patches", "max_slice_nums", "merge_size", "image_mean"):
        if key in settings["image_processor"]:
            assert np.array_equal(getattr(model.processor, key), settings["image_processor"][key])
    generation = model.model.generation_config
    assert not generation.do_sample and generation.temperature is None and generation.cache_implementation is None
    if ends := settings["tokens"].get("eos_token_id"):
        assert generation.eos_token_id == model.tokenizer.convert_tokens_to_ids(ends)
    picture = np.arange(96 * 64 * 3, dtype=np.uint8).reshape(96, 64, 3)
    assert model.generate(["What is this?"], [picture], 4) == model.generate(["What is this?"], [picture], 4)
