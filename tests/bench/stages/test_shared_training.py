"""Attacks that end with the same samples share one training, and others do not."""

import json
from pathlib import Path

import pytest

from attacks.grammar import parse_attack
from bench.lvlm.base import LVLM
from bench.spec import Method, RunSpec
from bench.stages import attack, protect
from bench.store.artifacts import Artifact
from bench.victims.recipes import RECIPES, Recipe


def make(defense: str, text: str) -> Artifact:
    """Return the adapter of an attack on a release of emoji_smoke."""
    spec = RunSpec(defense=Method(name=defense), attack=parse_attack(text), dataset="emoji_smoke")
    stage = attack.stage(spec, protect.stage(spec), spec.attack)
    assert stage is not None
    return stage.make()


def trainings(home: Path) -> set[str]:
    """Return the identities of the trainings in a home."""
    return {path.parent.name for path in home.glob("artifacts/training/*/manifest.json")}


def adapter(made: Artifact) -> bytes:
    """Return the trained weights."""
    return (made.folder / "adapter_model.safetensors").read_bytes()


@pytest.mark.parametrize(("defense", "count"), [("random_noise", 1), ("random_trigger", 2)])
def test_words_are_dropped_from_a_release_without_any_at_no_cost(bench_home: Path, defense: str, count: int) -> None:
    plain = make(defense, "lora_sft(epochs=1)+jpeg")
    cleaned = make(defense, "lora_sft(epochs=1)+jpeg+drop_inserted")
    assert plain.identity != cleaned.identity
    assert len(trainings(bench_home)) == count
    assert (adapter(plain) == adapter(cleaned)) == (count == 1)
    assert set(plain.folder.iterdir()) and (cleaned.folder / "curve.json").is_file()
    if count == 1:
        assert cleaned.cost["seconds"] == pytest.approx(plain.cost["seconds"], rel=0.5), "what the training took"


@pytest.mark.parametrize(
    "other",
    [
        "lora_sft(epochs=2)", "lora_sft(epochs=1,lr=0.001)", "full_sft(epochs=1)", "lora_sft(epochs=1)+crop_color",
        "two_stage(epochs=1,clean_epochs=1)",
    ],
)  # fmt: skip
def test_another_recipe_on_the_same_samples_is_another_training(bench_home: Path, other: str) -> None:
    make("none", "lora_sft(epochs=1)")
    make("none", other)
    assert len(trainings(bench_home)) == 2


def test_clean_pictures_of_the_second_stage_are_part_of_what_is_trained_on(bench_home: Path) -> None:
    for share in (0.1, 0.2):
        make("none", f"two_stage(epochs=1,clean_epochs=1,share={share})")
    assert len(trainings(bench_home)) == 2


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_models_of_every_size_can_be_trained(bench_home: Path, monkeypatch: pytest.MonkeyPatch, recipe: Recipe) -> None:
    """The recipe of the largest has no upper end, which no name of a stage could hold."""
    monkeypatch.setattr(LVLM, "recipe", recipe)
    assert (make("none", "lora_sft(epochs=1)").folder / "curve.json").is_file()
    (manifest,) = bench_home.glob("artifacts/training/*/manifest.json")
    assert json.loads(manifest.read_text())["payload"]["recipe"] == recipe.values
