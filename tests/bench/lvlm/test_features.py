"""A frozen tower runs once for each batch, and the answers stay the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import get_peft_model
from safetensors.torch import save_file

from bench.lvlm.adapters import WEIGHTS_FILE, attach_adapter, copy_weights, lora_config, use_adapter
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import load
from bench.lvlm.feature_cache import FeatureCache
from bench.lvlm.features import cache_features

QUESTION = "What is this?"


@pytest.fixture
def seen(lvlm: LVLM) -> Iterator[list[int]]:
    """One entry for each pass of the tower; the model's cache starts empty."""
    passes: list[int] = []
    tower = lvlm.model.get_submodule(lvlm.tower)
    inner = next(iter(module for name, module in tower.named_modules() if name.endswith("patch_embedding")), None)
    inner = inner or tower.get_submodule("patch_embed")
    hook = inner.register_forward_hook(lambda *_: passes.append(1))
    lvlm.feature_cache = FeatureCache()
    yield passes
    hook.remove()


@contextmanager
def changed(lvlm: LVLM, targets: str) -> Iterator[None]:
    """Attach a random adapter that changes the answers."""
    with attach_adapter(lvlm, lora_config(lvlm, 4, targets)) as parameters:
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter in parameters:
                parameter.normal_(std=0.5)
        yield


def answers(lvlm: LVLM, pictures: list[np.ndarray]) -> list[str]:
    return lvlm.generate([QUESTION] * len(pictures), pictures, max_new_tokens=4)


def test_adapters_of_the_language_model_share_features(lvlm: LVLM, pictures: list[np.ndarray], seen: list[int]) -> None:
    with changed(lvlm, "language"):
        alone = answers(lvlm, pictures)
    bare = answers(lvlm, pictures)
    assert alone != bare
    seen.clear()
    with cache_features(lvlm):
        assert answers(lvlm, pictures) == bare
    with changed(lvlm, "language"), cache_features(lvlm):
        assert answers(lvlm, pictures) == alone
    assert len(seen) == 1


def test_other_pictures_have_other_features(lvlm: LVLM, pictures: list[np.ndarray], seen: list[int]) -> None:
    other = [picture.copy() for picture in pictures]
    other[0][0, 0, 0] ^= 128
    with cache_features(lvlm):
        answers(lvlm, pictures)
        answers(lvlm, other)
        answers(lvlm, pictures[:1])
    assert len(seen) == 3


def test_a_tower_with_an_adapter_is_not_cached(lvlm: LVLM, pictures: list[np.ndarray], seen: list[int]) -> None:
    with cache_features(lvlm):
        bare = answers(lvlm, pictures)
    with changed(lvlm, "all"):
        alone = answers(lvlm, pictures)
    with changed(lvlm, "all"), cache_features(lvlm):
        assert answers(lvlm, pictures) == alone != bare
    assert len(seen) == 3


def test_a_tower_whose_own_weights_were_trained_has_other_features(
    lvlm: LVLM, pictures: list[np.ndarray], tmp_path: Path
) -> None:
    lvlm.feature_cache = FeatureCache()
    before = copy_weights(lvlm, tower=True)
    tower = {name: 3 * weights for name, weights in before.items() if name.startswith(lvlm.tower_prefixes)}
    save_file(tower, tmp_path / WEIGHTS_FILE)
    with cache_features(lvlm):
        bare = answers(lvlm, pictures)
    with use_adapter(lvlm, tmp_path):
        alone = answers(lvlm, pictures)
    with use_adapter(lvlm, tmp_path), cache_features(lvlm):
        assert answers(lvlm, pictures) == alone != bare
    with cache_features(lvlm):
        assert answers(lvlm, pictures) == bare


def test_outside_the_block_the_tower_is_as_it_was(lvlm: LVLM, pictures: list[np.ndarray], seen: list[int]) -> None:
    with pytest.raises(KeyError), cache_features(lvlm):
        answers(lvlm, pictures)
        raise KeyError
    answers(lvlm, pictures)
    assert len(seen) == 2


def test_a_saved_adapter_gives_the_same_answers_with_the_cache(
    lvlm: LVLM, pictures: list[np.ndarray], tmp_path: Path
) -> None:
    lvlm.feature_cache = FeatureCache()
    with changed(lvlm, "language"):
        expected = answers(lvlm, pictures)
        lora = {k: v.clone() for k, v in lvlm.model.state_dict().items() if "lora_" in k}
    peft = get_peft_model(lvlm.model, lora_config(lvlm, 4, "language"))
    lvlm.model.load_state_dict(lora, strict=False)
    peft.save_pretrained(tmp_path)
    peft.unload()
    lvlm.model.requires_grad_(False)
    with use_adapter(lvlm, tmp_path), cache_features(lvlm):
        assert answers(lvlm, pictures) == expected


def test_the_least_recently_used_are_dropped_beyond_the_limit() -> None:
    one = torch.zeros(25)
    cache = FeatureCache(limit=3 * one.nbytes)
    for name in "abc":
        cache.add(name, (one, {"more": None}))
    assert cache.get("a") is not None
    cache.add("d", [one])
    assert [name for name in "abcd" if cache.get(name) is None] == ["b"]
    assert cache.size == 3 * one.nbytes
    cache.add("e", torch.zeros(1000))
    assert (list(cache.entries), cache.size) == ([], 0)


def test_bfloat16_pictures_are_told_apart(pictures: list[np.ndarray]) -> None:
    half = load("tiny-llava-a@bf16")
    expected = half.generate([QUESTION] * 2, pictures[:2], 3)
    with cache_features(half):
        for _ in range(2):
            assert half.generate([QUESTION] * 2, pictures[:2], 3) == expected
    assert len(half.feature_cache.entries) == 1
