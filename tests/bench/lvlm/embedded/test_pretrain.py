"""Pretraining in miniature: both stages learn, resume bit by bit, and end in a folder that says what it holds."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer, TrainingArguments

from bench import victims
from bench.datasets.emoji import pretraining
from bench.datasets.emoji.art import pretraining_indices
from bench.datasets.emoji.questions import BACKGROUND, CATEGORY, NAMING, SIZE
from bench.datasets.emoji.render import COLOURS
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import family_class, load
from bench.lvlm.embedded import build, exam, pretrain, training
from bench.lvlm.embedded.language import KINDS, AnswerLoss, train_language
from bench.lvlm.embedded.recipes import RECIPES, Recipe
from bench.lvlm.embedded.tower import Pictures, TowerClassifier, train_tower
from bench.runtime import seed_everything

SOME = pretraining_indices()[5:1205:200]
NAMES = ("tiny-llava-a", "tiny-qwen3vl", "tiny-gemma3", "tiny-internvl")


def recipe(name: str, **changes: Any) -> Recipe:
    """The recipe of `name`, small enough for seconds: six concepts, four pictures each."""
    small = {"width": 32, "lm_width": 32, "layers": 2, "vocabulary": 400, "pictures_per_concept": 4}
    short = {"tower_steps": 6, "tower_batch": 8, "lm_steps": 6, "lm_batch": 8}
    return Recipe.model_validate({**RECIPES[name].model_dump(), **small, **short, **changes})


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "pretraining_indices", lambda: SOME)
    monkeypatch.setattr(exam, "BATCH", 6)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> pretraining.PretrainingPictures:
    """Four renderings of each of the six concepts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretraining, "pretraining_indices", lambda: SOME)
        return pretraining.load_pretraining_pictures(tmp_path_factory.mktemp("pictures"), "train", 4, 0)


def tiny(small: Recipe) -> LVLM:
    """A model of a small recipe with random weights."""
    seed_everything(small.seed)
    tokenizer = build.tokenizer(small, [*NAMING, *CATEGORY, *BACKGROUND, *SIZE, *COLOURS])
    model = build.model(small, tokenizer)
    return family_class(small.family)(small.name, "random", model, tokenizer, build.image_processor(small))


def weights(lvlm: LVLM) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in lvlm.model.state_dict().items()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {key for key in before if not torch.equal(before[key], after[key])}


def recorded(monkeypatch: pytest.MonkeyPatch, cls: type[torch.nn.Module]) -> list[float]:
    """Return a list that collects the losses of every `cls` in training."""
    losses: list[float] = []
    forward = cls.forward

    def spy(self: torch.nn.Module, *args: Any, **inputs: Any) -> dict[str, torch.Tensor]:
        result = forward(self, *args, **inputs)
        losses.append(result["loss"].item())
        return result

    monkeypatch.setattr(cls, "forward", spy)
    return losses


def coloured(count: int, seed: int) -> pretraining.PretrainingPictures:
    """Noisy pictures of eight plain colours, `count` of each."""
    rng = np.random.default_rng(seed)
    concepts = np.repeat(np.arange(8), count)
    plain = np.array(list(COLOURS.values()))[concepts][:, None, None]
    pixels = np.clip(plain + rng.normal(0, 12, (8 * count, 64, 64, 3)), 0, 255).astype(np.uint8)
    return pretraining.PretrainingPictures(pixels, pd.DataFrame({"concept": concepts}))


@pytest.mark.parametrize("name", NAMES)
def test_the_tower_learns_to_tell_concepts_apart(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, pictures = recipe(name, tower_steps=40), coloured(8, 0)
    lvlm, losses = tiny(small), recorded(monkeypatch, TowerClassifier)
    before = weights(lvlm)
    lvlm.model.requires_grad_(True)
    data = Pictures(lvlm.processor, pictures)
    train_tower(lvlm.model, data, pictures.labels["concept"].to_numpy(), small, tmp_path)
    assert len(losses) == 40
    assert losses[0] == pytest.approx(np.log(8), abs=0.5), "chance"
    assert np.mean(losses[-5:]) < 0.7 * losses[0]
    moved = changed(before, lvlm.model.state_dict())
    assert moved and all(key.startswith(lvlm.tower) for key in moved)


@pytest.mark.parametrize("name", NAMES)
def test_the_language_model_learns_and_the_tower_stays(
    name: str, pictures: pretraining.PretrainingPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = recipe(name, lm_steps=30, lm_lr=1e-2)
    lvlm, losses = tiny(small), recorded(monkeypatch, AnswerLoss)
    before = weights(lvlm)
    train_language(lvlm, Pictures(lvlm.processor, pictures), pictures.labels, small, tmp_path)
    moved = changed(before, lvlm.model.state_dict())
    stayed = {key for key in before if key.startswith(lvlm.tower_prefixes)}
    assert stayed and not moved & stayed
    assert {key for key in before if "language_model" in key} <= moved
    assert any("projector" in key or "merger" in key for key in moved)
    assert np.mean(losses[-5:]) < 0.7 * losses[0]
    assert not any(parameter.requires_grad for parameter in lvlm.model.parameters())


@pytest.mark.parametrize("stage", ["tower", "language"])
def test_an_interrupted_stage_ends_where_an_uninterrupted_one_ends(
    stage: str, pictures: pretraining.PretrainingPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def often(**arguments: Any) -> TrainingArguments:
        return TrainingArguments(**{**arguments, "save_steps": 2})

    monkeypatch.setattr(training, "TrainingArguments", often)
    small = recipe("tiny-llava-a", tower_steps=7, lm_steps=7)
    batch, batches = Pictures.batch, []

    def fragile(self: Pictures, indices: list[int]) -> dict[str, torch.Tensor]:
        batches.append(indices)
        if len(batches) == 6 and stop:
            raise KeyboardInterrupt
        return batch(self, indices)

    def play(folder: Path) -> dict[str, torch.Tensor]:
        batches.clear()
        lvlm = tiny(small)
        data = Pictures(lvlm.processor, pictures)
        if stage == "tower":
            lvlm.model.requires_grad_(True)
            train_tower(lvlm.model, data, pictures.labels["concept"].to_numpy(), small, folder)
        else:
            train_language(lvlm, data, pictures.labels, small, folder)
        return weights(lvlm)

    monkeypatch.setattr(Pictures, "batch", fragile)
    stop = False
    whole, needed = play(tmp_path / "whole"), len(batches)
    assert changed(weights(tiny(small)), whole)
    stop = True
    with pytest.raises(KeyboardInterrupt):
        play(tmp_path / "broken")
    assert [f.name for f in (tmp_path / "broken").iterdir()] == ["checkpoint-4"]
    stop = False
    assert not changed(whole, play(tmp_path / "broken"))
    assert len(batches) == needed - 4, "the steps before the checkpoint are not taken again"


class Knowing:
    """Answers known strings: names right, categories in capitals, backgrounds always red, sizes right but for one."""

    def __init__(self, pictures: pretraining.PretrainingPictures) -> None:
        self.labels = {
            p.tobytes(): row for p, (_, row) in zip(pictures.pixels, pictures.labels.iterrows(), strict=True)
        }
        self.asked: list[str] = []
        self.lied = False

    def generate(self, questions: list[str], images: list[np.ndarray]) -> list[str]:
        """Return one answer for each question."""
        self.asked += questions
        return [self.answer(q, self.labels[i.tobytes()]) for q, i in zip(questions, images, strict=True)]

    def answer(self, question: str, row: pd.Series) -> str:
        """Return the answer to one question about a picture."""
        if question in NAMING:
            return row["name"]
        if question in CATEGORY:
            return row["category"].upper()
        if question in BACKGROUND:
            return "red"
        truth, self.lied = bool(row["large"]) is self.lied, True
        return "large" if truth else "small"


def test_an_exam_is_the_share_of_exact_answers(pictures: pretraining.PretrainingPictures) -> None:
    victim, labels = Knowing(pictures), pictures.labels
    scores = exam.examine(victim, pictures)  # type: ignore[arg-type]
    share = round(float((labels["background"] == "red").mean()), 4)
    assert scores == {"name": 1.0, "category": 0.0, "background": share, "size": round(23 / 24, 4)}
    assert set(victim.asked) == {phrasing for phrasings, _ in KINDS.values() for phrasing in phrasings}
    assert len(victim.asked) == 4 * 24


def test_a_probe_finds_what_is_there_and_nothing_else() -> None:
    lvlm = tiny(recipe("tiny-llava-a"))
    taught, unseen = coloured(24, 0), coloured(15, 1)
    assert exam.probe(lvlm, taught, unseen) > 0.95
    shuffled = np.random.default_rng(2).permutation(taught.labels["concept"])
    assert exam.probe(lvlm, taught._replace(labels=pd.DataFrame({"concept": shuffled})), unseen) < 0.35


def test_the_readme_holds_what_was_measured() -> None:
    card = {
        "name": "toy-victim",
        "recipe": {"family": "qwen3_vl", "tower_steps": 1601, "lm_steps": 2402},
        "parameters": 1234567,
        "data": "Some pictures",
        "hardware": "some CPU, 3 threads",
        "seconds": {"tower": 351, "language": 992},
        "accuracy": {"name": 0.7061, "category": 0.6172, "background": 0.5283, "size": 0.4394},
        "linear_probe": 0.8125,
    }
    text = exam.format_readme(card)
    for part in ("# toy-victim", "`qwen3_vl`", "1,234,567", "1601 (tower", "2402 (projector", "351", "992"):
        assert part in text
    for part in ("Some pictures.", "some CPU, 3 threads", "| name | 70.6% |", "| category | 61.7% |"):
        assert part in text
    for part in ("| background | 52.8% |", "| size | 43.9% |", "81.2% |"):
        assert part in text


@pytest.fixture
def shop(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """`pretrain` on small recipes, with a folder of its own for what it publishes."""
    monkeypatch.setattr("bench.victims.files.ROOT", bench_home / "checkpoints")
    for name in NAMES:
        monkeypatch.setitem(RECIPES, name, recipe(name))
    yield pretrain.pretrain
    victims.revision.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_pretraining_publishes_a_folder_that_loads_with_a_whole_card(
    name: str, shop: Callable[[str], Path], bench_home: Path
) -> None:
    folder = shop(name)
    assert folder == bench_home / "checkpoints" / name
    model = AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=False)
    assert type(AutoTokenizer.from_pretrained(folder, trust_remote_code=False).chat_template) is str
    assert AutoImageProcessor.from_pretrained(folder, trust_remote_code=False)
    card = json.loads((folder / "card.json").read_text())
    shipped = json.loads((Path(pretrain.__file__).parent / "checkpoints" / NAMES[0] / "card.json").read_text())
    assert card.keys() == shipped.keys()
    assert card["recipe"] == RECIPES[name].model_dump()
    assert card["parameters"] == model.num_parameters()
    assert card["megabytes"] == pytest.approx((folder / "model.safetensors").stat().st_size / 1e6, abs=0.01)
    assert card["seconds"].keys() == {"tower", "language"}
    assert card["accuracy"].keys() == KINDS.keys()
    assert all(0 <= value <= 1 for value in [*card["accuracy"].values(), card["linear_probe"]])
    assert (folder / "README.md").read_text() == exam.format_readme(card)
    tower = load_file(bench_home / "pretrain" / name / "tower.safetensors")
    kept = [key for key in tower if key.startswith(family_class(RECIPES[name].family).tower_prefixes)]
    assert kept and all(torch.equal(model.state_dict()[key].half(), tower[key].half()) for key in kept)
    unseen = pretraining.load_pretraining_pictures(bench_home / "pretrain", "test", 2, pretrain.EXAM_SEED)
    assert exam.examine(load(str(folder)), unseen) == card["accuracy"], "accuracy of the saved weights"


def test_a_finished_tower_is_not_trained_again(
    shop: Callable[[str], Path], bench_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrain, "write_card", lambda *_: None)
    first = load_file(shop(NAMES[0]) / "model.safetensors")
    monkeypatch.setattr(pretrain, "train_tower", lambda *_: pytest.fail("trained twice"))
    shutil.rmtree(bench_home / "pretrain" / NAMES[0] / "language")
    torch.rand(1)
    assert not changed(first, load_file(shop(NAMES[0]) / "model.safetensors"))
