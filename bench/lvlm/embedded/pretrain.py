"""`bench victims pretrain NAME`: train an embedded victim from scratch, seeded and resumable."""

import json
import platform
import shutil
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from bench import victims
from bench.datasets.emoji.art import concepts
from bench.datasets.emoji.pretraining import PretrainingPictures, load_pretraining_pictures
from bench.datasets.emoji.questions import BACKGROUND, CATEGORY, NAMING, SIZE
from bench.datasets.emoji.render import COLOURS
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import family_class, load
from bench.lvlm.embedded import build, exam
from bench.lvlm.embedded.language import train_language
from bench.lvlm.embedded.recipes import RECIPES, Recipe
from bench.lvlm.embedded.tower import Pictures, train_tower
from bench.paths import home
from bench.runtime import seed_everything

EXAM_SEED = 0
"""Seed of the renderings in the exam of every victim."""
TOWER_CORPUS = ["hello world"]
"""Text for the tokenizer of the first stage, which trains the tower alone."""


def corpus() -> list[str]:
    """Return the texts for training the tokenizer: questions, names and attributes, the owner's concepts included."""
    names = [text for c in concepts() for text in (f" {c.name}", c.name, f" {c.name}")]
    turns = ["USER:", " ASSISTANT:", "user\n", "assistant\n"] * 100
    attributes = [f" {c.category.lower()}" for c in concepts()] + [f" {c}" for c in COLOURS] * 20
    return names + attributes + turns + [*NAMING, *CATEGORY, *BACKGROUND, *SIZE] * 20


def pretrain(name: str) -> Path:
    """Train the victim `name`, measure it, and write its checkpoint with a model card; return the folder."""
    recipe = RECIPES[name]
    work = home() / "pretrain"
    pictures = load_pretraining_pictures(work, "train", recipe.pictures_per_concept, recipe.data_seed)
    processor = build.image_processor(recipe)
    data = Pictures(processor, pictures)
    seconds = _train_tower(data, pictures, recipe, work / name)
    seed_everything(recipe.seed + 1)
    tokenizer = build.tokenizer(recipe, corpus())
    model = build.model(recipe, tokenizer)
    model.load_state_dict(load_file(work / name / "tower.safetensors"), strict=False)
    lvlm = family_class(model.config.model_type)(name, "pretraining", model, tokenizer, processor)
    started = time.monotonic()
    train_language(lvlm, data, pictures.labels, recipe, work / name / "language")
    seconds["language"] = time.monotonic() - started
    return _publish(lvlm, recipe, seconds)


def _train_tower(data: Pictures, pictures: PretrainingPictures, recipe: Recipe, folder: Path) -> dict[str, float]:
    """Train and save the tower, unless an earlier run has; return the seconds that it took.

    The tower is trained inside a model with a tiny vocabulary, which the training does not use. A tower that another
    victim was pretrained with is taken from that victim's checkpoint instead.
    """
    finished, seconds_file = folder / "tower.safetensors", folder / "tower.json"
    if recipe.tower_of is not None:
        _save_tower(load(recipe.tower_of).model, recipe, finished)
        return {}
    if not finished.exists():
        seed_everything(recipe.seed)
        model = build.model(recipe, build.tokenizer(recipe, TOWER_CORPUS))
        started = time.monotonic()
        train_tower(model, data, pictures.labels["concept"].to_numpy(), recipe, folder / "tower")
        seconds_file.write_text(json.dumps({"tower": time.monotonic() - started}))
        _save_tower(model, recipe, finished)
    seconds: dict[str, float] = json.loads(seconds_file.read_text())
    return seconds


def _save_tower(model: PreTrainedModel, recipe: Recipe, file: Path) -> None:
    prefix = f"{build.BUILDERS[recipe.family].family.tower}."
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.float().contiguous() for k, v in model.state_dict().items() if k.startswith(prefix)}, file)


def _publish(lvlm: LVLM, recipe: Recipe, seconds: dict[str, float]) -> Path:
    """Save the weights in float16, load them again as a user would, and write the card of the loaded model."""
    folder = victims.embedded_folder(recipe.name)
    shutil.rmtree(folder, ignore_errors=True)
    lvlm.model.half()
    lvlm.save(folder)
    victims.revision.cache_clear()
    saved = load(str(folder))  # by its folder, since a new victim has no name yet
    card: dict[str, Any] = {
        "name": recipe.name,
        "recipe": recipe.model_dump(),
        "parameters": saved.model.num_parameters(),
        "megabytes": round((folder / "model.safetensors").stat().st_size / 1e6, 2),
        "data": "Fluent Emoji 3D (MIT), seeded renderings of the 1,279 concepts that are not the owner's",
        "hardware": f"{platform.machine()} CPU, {torch.get_num_threads()} threads",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "seconds": {stage: round(s) for stage, s in seconds.items()},
    }
    write_card(folder, card, saved)
    return folder


def write_card(folder: Path, card: dict[str, Any], lvlm: LVLM) -> None:
    """Examine `lvlm`, and write its card into `folder` as JSON and Markdown."""
    work = home() / "pretrain"
    recipe = Recipe.model_validate(card["recipe"])
    unseen = load_pretraining_pictures(work, "test", 2, EXAM_SEED)
    taught = load_pretraining_pictures(work, "train", recipe.pictures_per_concept, recipe.data_seed)
    card = {**card, "accuracy": exam.examine(lvlm, unseen), "linear_probe": exam.probe(lvlm, taught, unseen)}
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")
    (folder / "README.md").write_text(exam.format_readme(card))
