"""The search over recipes: with a toy trainer whose skill is a function of the recipe, then on an embedded victim."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacks import REGISTRY
from attacks.tune import tuned
from attacks.tune.lora_sft import LoraSFTOptions
from bench import datasets
from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.play.roles import stages_of
from bench.play.run import play_run
from bench.samples import Sample, SampleSet
from bench.spec import Method, RunSpec
from bench.victims.recipes import RECIPES, Recipe

ADAPTER = "adapter_model.safetensors"


def things(split: str, count: int) -> SampleSet:
    """Return samples whose questions name their split and number."""
    pixels = np.zeros((4, 4, 3), np.uint8)
    return SampleSet(tuple(Sample(f"{i}", f"{i}", pixels, f"{split} {i}", f"answer {i}") for i in range(count)))


@dataclass
class Toy:
    """A victim whose share of right answers depends on its recipe. It records what was trained and asked."""

    varies: bool = True
    trained: list[LoraSFTOptions] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    worn: Path | None = None
    tokens: set[int] = field(default_factory=set)
    recipe: Recipe = RECIPES[0]

    def generate(self, questions: list[str], images: list[np.ndarray], max_new_tokens: int) -> list[str]:
        self.tokens.add(max_new_tokens)
        assert self.worn is not None and len(questions) == len(images)
        self.asked += questions
        numbers = [int(question.split()[1]) for question in questions]
        right = 200 * self.skill(LoraSFTOptions.model_validate_json((self.worn / ADAPTER).read_text()))
        return [f"Answer {i}." if i < right else "no idea" for i in numbers]

    def skill(self, recipe: LoraSFTOptions) -> float:
        """Return the share of right answers, which is highest at a learning rate of 0.02."""
        return 1 - 0.5 * abs(math.log10(recipe.lr / 0.02)) if self.varies else 0.25


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Replace `lora_sft` and the use of its adapters by functions without a model."""
    made = Toy()

    class Learn:
        def __init__(self, options: LoraSFTOptions, parts: tuple[Any, ...]) -> None:
            self.options = options

        def tune(
            self, victim: Any, released: SampleSet, validation: SampleSet, seed: int, folder: Path, progress: Any
        ) -> list[dict[str, Any]]:
            assert [s.question.split()[0] for s in released] == ["released"] * 8
            made.trained.append(self.options)
            made.seeds.append(seed)
            progress(0.5, "half")
            progress(1.0, "done")
            (folder / ADAPTER).write_text(self.options.model_dump_json())
            return [{"step": 1, "loss": self.options.lr}]

    @contextmanager
    def use_adapter(victim: Toy, folder: Path) -> Iterator[None]:
        victim.worn = folder
        yield
        victim.worn = None

    monkeypatch.setattr(tuned, "LoraSFT", Learn)
    monkeypatch.setattr(tuned, "use_adapter", use_adapter)
    return made


def search(toy: Toy, folder: Path, trials: int = 8, seed: int = 0, progress: Any = lambda *_: None) -> Any:
    """Return the learning curve and the `trials.json` of one search."""
    attack = REGISTRY.build(Method(name="tuned", options={"trials": trials}))
    curve = attack.tune(toy, things("released", 8), things("validation", 200), seed, folder, progress)
    return curve, json.loads((folder / "trials.json").read_text())


@pytest.mark.parametrize("trials", [1, 3, 12])
def test_as_many_recipes_are_trained_as_the_budget_has_trials(toy: Toy, tmp_path: Path, trials: int) -> None:
    _, tried = search(toy, tmp_path, trials, seed=5)
    assert len(toy.trained) == len(tried) == trials
    assert [LoraSFTOptions(**t["params"]) for t in tried] == toy.trained
    assert toy.seeds == [5] * trials
    assert {file.name for file in tmp_path.iterdir()} == {ADAPTER, "trials.json"}


def test_the_best_adapter_on_validation_is_kept(toy: Toy, tmp_path: Path) -> None:
    places = set()
    for seed in range(6):
        toy.trained.clear()
        curve, tried = search(toy, tmp_path / str(seed), seed=seed)
        skills = [toy.skill(recipe) for recipe in toy.trained]
        place = int(np.argmax(skills))
        best = toy.trained[place]
        assert LoraSFTOptions.model_validate_json((tmp_path / str(seed) / ADAPTER).read_text()) == best
        assert curve == [{"step": 1, "loss": best.lr}]
        assert [t["value"] for t in tried] == pytest.approx(skills, abs=1 / 200)
        assert all(t["seconds"] >= 0 for t in tried)
        places.add(place)
    assert places - {0, 7}, "where the best is always the first or the last, nothing was shown"


def test_the_first_recipe_is_the_default_and_stays_unless_another_is_better(toy: Toy, tmp_path: Path) -> None:
    toy.varies = False
    _, tried = search(toy, tmp_path)
    default = LoraSFTOptions(lr=toy.recipe.lora_lr, epochs=toy.recipe.epochs)
    assert toy.trained[0] == default
    assert {t["value"] for t in tried} == {0.25}
    assert LoraSFTOptions.model_validate_json((tmp_path / ADAPTER).read_text()) == default


def test_every_part_of_the_recipe_is_searched_and_nothing_else(toy: Toy, tmp_path: Path) -> None:
    search(toy, tmp_path, 20)
    for name in ("lr", "epochs", "rank", "targets"):
        assert len({getattr(recipe, name) for recipe in toy.trained}) >= 4, name
    assert {(recipe.batch, recipe.early_stopping) for recipe in toy.trained} == {(16, False)}


def test_a_search_repeats_with_its_seed_and_a_smaller_budget_is_its_beginning(toy: Toy, tmp_path: Path) -> None:
    for number, (trials, seed) in enumerate([(8, 1), (8, 1), (6, 1), (8, 2)]):
        search(toy, tmp_path / str(number), trials, seed)
    first, again, shorter, other = (toy.trained[a:b] for a, b in ((0, 8), (8, 16), (16, 22), (22, 30)))
    assert first == again
    assert shorter == first[:6]
    assert other[0] == first[0] and not set(map(repr, other[1:])) & set(map(repr, first[1:]))


def test_later_trials_are_better_than_random_ones(toy: Toy, tmp_path: Path) -> None:
    _, tried = search(toy, tmp_path, 30)
    values = [t["value"] for t in tried]
    assert np.mean(values[-10:]) > np.mean(values[1:5]) + 0.1
    assert max(values) > 0.9


def test_only_the_validation_questions_are_asked(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", lambda *_: pytest.fail("looked for other data"))
    search(toy, tmp_path, 2)
    assert toy.asked == [s.question for s in things("validation", 200)] * 2


def test_progress_is_of_all_trials(toy: Toy, tmp_path: Path) -> None:
    calls: list[tuple[float, str]] = []
    search(toy, tmp_path, 2, progress=lambda *call: calls.append(call))
    notes = ["trial 1/2, half", "trial 1/2, done", "trial 2/2, half", "trial 2/2, done"]
    assert calls == list(zip([0.25, 0.5, 0.75, 1.0], notes, strict=True))


def test_no_trial_is_refused() -> None:
    with pytest.raises(UserError, match=r"attack tuned, option trials=0: .*options: trials"):
        REGISTRY.build(Method(name="tuned", options={"trials": 0}))


def test_repeats_bit_for_bit_and_begins_with_plain_fine_tuning(
    victim: LVLM, samples: SampleSet, tmp_path: Path
) -> None:
    few, own = SampleSet(samples[:12]), SampleSet(datasets.load("emoji_catalog", "validation").samples[:16])
    tuned_once = Method(name="tuned", options={"trials": 1})
    twice = Method(name="tuned", options={"trials": 2})
    files = {}
    for name, method in (("plain", Method(name="lora_sft")), ("one", tuned_once), ("a", twice), ("b", twice)):
        REGISTRY.build(method).tune(victim, few, own, 0, tmp_path / name, lambda *_: None)
        files[name] = (tmp_path / name / ADAPTER).read_bytes()
    assert files["plain"] == files["one"]
    assert files["a"] == files["b"]
    a, b = ([t["value"] for t in json.loads((tmp_path / name / "trials.json").read_text())] for name in "ab")
    assert a == b and len(a) == 2


@pytest.mark.slow
def test_a_whole_run_is_judged_on_the_adapter_that_was_chosen(bench_home: Path) -> None:
    spec = RunSpec(
        defense=Method(name="random_noise"), attack=Method(name="tuned", options={"trials": 2}), dataset="emoji_smoke"
    )
    row, made = play_run(spec), stages_of(spec)
    for role in ("clean_attack", "attack"):
        tried = json.loads((made[role].folder / "trials.json").read_text())
        assert len(tried) == 2
        assert tried[0]["params"] == {
            **LoraSFTOptions().model_dump(include={"rank", "targets"}),
            "lr": RECIPES[0].lora_lr,
            "epochs": RECIPES[0].epochs,
        }
    assert row.validation == max(t["value"] for t in tried)
    assert row.utility_clean > row.utility_zero + 0.2 and row.eligible
    files = {file: file.stat().st_mtime_ns for file in (bench_home / "artifacts" / "attack").rglob("trials.json")}
    play_run(spec)
    assert len(files) == 2 and all(file.stat().st_mtime_ns == when for file, when in files.items())


def test_a_recipe_is_judged_by_the_rules_of_its_questions(toy: Toy, tmp_path: Path) -> None:
    """Half of the answer is half of a caption; a name is right or wrong. Captions may be longer."""
    (tmp_path / ADAPTER).write_text(LoraSFTOptions(lr=0.02).model_dump_json())
    names = things("validation", 4)
    captions = SampleSet(tuple(replace(s, rule="caption", answer=f"{s.answer} of all things here") for s in names))
    assert tuned.compute_accuracy(toy, tmp_path, names) == 1  # type: ignore[arg-type]
    assert tuned.compute_accuracy(toy, tmp_path, captions) == pytest.approx(2 * 2 / (2 + 6))  # type: ignore[arg-type]
    assert toy.tokens == {16, 48}
