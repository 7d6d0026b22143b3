"""A recipe follows from the number of parameters, which is read without loading weights, and an option overrules it."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from attacks import REGISTRY
from attacks.tune.full_sft import FullSFT
from attacks.tune.lora_sft import LoraSFT
from attacks.tune.sft import SFT
from bench.lvlm.catalog import load
from bench.play.roles import stages_of
from bench.spec import Method, RunSpec
from bench.victims import EMBEDDED, HUB
from bench.victims.recipes import RECIPES, choose_recipe, count_parameters, recipe_of
from defenses import REGISTRY as DEFENSES
from defenses.craft.pixel import PixelDefense

PAGE = Path(__file__).parents[3] / "docs" / "models.md"


def test_recipes_go_from_small_to_large_and_never_up_in_rate() -> None:
    assert [recipe.below for recipe in RECIPES] == sorted(recipe.below for recipe in RECIPES)
    for less, more in pairwise(RECIPES):
        assert choose_recipe(less.below) == more and choose_recipe(less.below - 1) == less
        assert more.lora_lr <= less.lora_lr and more.full_lr <= less.full_lr and more.epochs <= less.epochs


@pytest.mark.parametrize("name", EMBEDDED)
def test_parameters_of_an_embedded_victim_are_those_of_the_loaded_model(name: str) -> None:
    assert count_parameters(name) == load(name).model.num_parameters()
    assert recipe_of(name).name == "tiny"


def test_published_models_are_counted_by_the_size_of_their_download() -> None:
    assert {name: recipe_of(name).name for name in HUB} == dict.fromkeys(HUB, "large") | {"smolvlm-256m": "small"}
    assert count_parameters("qwen3-vl-4b@4bit") == pytest.approx(4.4e9, rel=0.1)


def test_a_folder_is_counted_by_the_headers_of_its_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    save_file({"a": np.zeros((3, 5), np.float16), "b": np.zeros(7, np.float32)}, tmp_path / "one.safetensors")
    save_file({"c": np.zeros((2, 2, 2), np.float32)}, tmp_path / "two.safetensors")
    assert count_parameters(str(tmp_path)) == 15 + 7 + 8


def test_an_option_overrules_the_recipe() -> None:
    large = RECIPES[-1]
    for kind, rate in ((LoraSFT, large.lora_lr), (FullSFT, large.full_lr)):
        built: SFT = kind(kind.Options())
        assert (built.peak_rate(large), built.passes(large)) == (rate, large.epochs)
        named: SFT = kind(kind.Options(lr=1e-4, epochs=2))  # type: ignore[call-arg]
        assert (named.peak_rate(large), named.passes(large)) == (1e-4, 2)


def test_a_rate_reaches_both_sides_of_the_score() -> None:
    spec = RunSpec(defense=Method(name="em"), attack=Method(name="lora_sft", options={"lr": 1e-3}))
    plain = spec.model_copy(update={"attack": Method(name="lora_sft")})
    ours, theirs = stages_of(spec), stages_of(plain)
    (clean,) = [stage for stage in ours["clean"].needs if stage.kind == "attack"]
    assert clean.payload["options"]["lr"] == 1e-3 == ours["attack"].payload["options"]["lr"]
    assert ours["clean"].identity != theirs["clean"].identity


def test_a_stage_says_which_recipe_was_meant() -> None:
    spec = RunSpec(defense=Method(name="em"), attack=Method(name="lora_sft"))
    recipe = recipe_of(spec.victim)
    stages = stages_of(spec)
    assert stages["attack"].payload["recipe"] == recipe.values
    assert stages["protect"].payload["surrogates"][0][2] == recipe.lora_lr


def test_surrogates_learn_at_the_trainers_rate_and_tap_at_less() -> None:
    victim = load("tiny-llava-a")
    rates = {}
    for name in ("em", "mmguard", "tap"):
        defense = DEFENSES.build(Method(name=name))
        assert isinstance(defense, PixelDefense)
        rates[name] = defense.surrogate_lr(victim)
    assert rates["em"] == rates["mmguard"] == victim.recipe.lora_lr > rates["tap"] > 0


def test_the_curve_has_the_epochs_of_the_victims_recipe() -> None:
    traits = REGISTRY.describe(Method(name="lora_sft", options={"curve": 2})).traits
    assert {name: max(map(int, places)) for name, places in traits.checkpoints.items()} == {
        recipe.name: recipe.epochs for recipe in RECIPES
    }


def test_the_page_has_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for recipe in RECIPES:
        size = f"below {recipe.below:g}" if np.isfinite(recipe.below) else "more"
        values = f"{size} | {recipe.lora_lr:g} | {recipe.full_lr:g} | {recipe.epochs} | {recipe.source} |"
        assert f"| `{recipe.name}` | {values}" in text
