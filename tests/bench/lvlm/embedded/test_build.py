"""Embedded models are of the real classes, and their parts fit together."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import (
    AutoTokenizer,
    Gemma3ForConditionalGeneration,
    InternVLForConditionalGeneration,
    LlavaForConditionalGeneration,
    Qwen3VLForConditionalGeneration,
)

from bench.datasets.emoji.art import concepts
from bench.datasets.emoji.pretraining import PretrainingPictures
from bench.datasets.emoji.questions import BACKGROUND, CATEGORY, NAMING, SIZE
from bench.lvlm.base import LVLM
from bench.lvlm.embedded import build
from bench.lvlm.embedded.recipes import RECIPES
from bench.lvlm.embedded.tower import Pictures, TowerClassifier
from bench.lvlm.text import Prompt
from bench.runtime import seed_everything
from bench.victims import EMBEDDED

CLASSES = {
    "llava": LlavaForConditionalGeneration,
    "qwen3_vl": Qwen3VLForConditionalGeneration,
    "gemma3": Gemma3ForConditionalGeneration,
    "internvl": InternVLForConditionalGeneration,
}


@pytest.fixture(scope="module", params=RECIPES)
def lvlm(request: pytest.FixtureRequest, texts: list[str]) -> LVLM:
    """Each victim before its pretraining."""
    recipe = RECIPES[request.param]
    seed_everything(recipe.seed)
    tokenizer = build.tokenizer(recipe, texts)
    builder = build.BUILDERS[recipe.family]
    return builder.family(
        recipe.name, "random", build.model(recipe, tokenizer), tokenizer, build.image_processor(recipe)
    )


def test_every_victim_has_its_recipe() -> None:
    assert EMBEDDED.items() <= {name: recipe.family for name, recipe in RECIPES.items()}.items()
    assert all(name == recipe.name for name, recipe in RECIPES.items())
    assert len({recipe.seed for recipe in RECIPES.values()}) == len(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_model_is_a_function_of_recipe_and_seed(name: str) -> None:
    recipe = RECIPES[name]
    tokenizer = build.tokenizer(recipe, ["hello world"])
    models = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        models.append(build.model(recipe, tokenizer))
    one, again, other = (m.state_dict() for m in models)
    assert type(models[0]) is CLASSES[recipe.family]
    assert all(torch.equal(one[k], again[k]) for k in one)
    assert any(not torch.equal(one[k], other[k]) for k in one)


def test_sizes_are_those_of_the_design(lvlm: LVLM) -> None:
    assert 1e6 <= lvlm.model.num_parameters() <= 4e6
    assert 2 * lvlm.model.num_parameters() <= 8e6, "bytes in float16"
    head, table = lvlm.model.lm_head.weight, lvlm.model.get_input_embeddings().weight
    assert head.data_ptr() == table.data_ptr() and len(table) == len(lvlm.tokenizer) == RECIPES[lvlm.name].vocabulary


def test_texts_survive_the_tokenizer(lvlm: LVLM) -> None:
    every = [*NAMING, *CATEGORY, *BACKGROUND, *SIZE, *(c.name for c in concepts()), "é 漢 🐈 <pad-ish>"]
    ids = lvlm.tokenizer(every, add_special_tokens=False)["input_ids"]
    assert lvlm.tokenizer.batch_decode(ids) == every
    assert max(len(row) for row, text in zip(ids, every, strict=True) if text in NAMING) <= 9
    names = [len(row) for row in lvlm.tokenizer([c.name for c in concepts()], add_special_tokens=False)["input_ids"]]
    # A smaller vocabulary has fewer of the names' pieces: tiny-internvl's gives 3.53 tokens a name.
    assert np.mean(names) < (3.5 if RECIPES[lvlm.name].vocabulary >= 2000 else 4), "words, not letters"


def test_special_tokens_are_single_and_told_apart(lvlm: LVLM) -> None:
    specials = build.BUILDERS[RECIPES[lvlm.name].family].specials
    ids = [lvlm.tokenizer(s, add_special_tokens=False)["input_ids"] for s in specials]
    assert all(len(i) == 1 for i in ids) and len({i[0] for i in ids}) == len(specials)
    config = lvlm.model.config
    assert config.image_token_id == lvlm.text.image_id == ids[specials.index(lvlm.image_token)][0]
    assert config.text_config.eos_token_id == lvlm.tokenizer.eos_token_id != lvlm.tokenizer.pad_token_id
    assert config.text_config.pad_token_id == lvlm.tokenizer.pad_token_id


@pytest.mark.parametrize("name", ["tiny-llava-a", "tiny-gemma3"])
def test_a_tokenizer_is_trained_the_same_every_time(name: str, texts: list[str]) -> None:
    one, again = (build.tokenizer(RECIPES[name], texts).get_vocab() for _ in range(2))
    assert one == again


def test_tokenizers_differ_between_families(texts: list[str]) -> None:
    """They cut texts differently, and differ not only in the names of special tokens."""
    one, other = (build.tokenizer(RECIPES[name], texts) for name in ("tiny-llava-a", "tiny-gemma3"))
    names = [c.name for c in concepts()]
    pieces = [
        [[t.decode(i) for i in row] for row in t(names, add_special_tokens=False)["input_ids"]] for t in (one, other)
    ]
    assert len(one) != len(other)
    assert np.mean([a != b for a, b in zip(*pieces, strict=True)]) > 0.2


@pytest.mark.parametrize("answer", ["red", "clock face", "é x"])
def test_an_answer_begins_with_a_token_of_its_own(lvlm: LVLM, answer: str) -> None:
    encoded = lvlm.encode([Prompt("What is this?", answer)], [lvlm.layout((64, 64))])
    assert lvlm.tokenizer.decode(encoded.ids[encoded.answer][:-1]).strip() == answer
    assert lvlm.tokenizer.decode(encoded.ids[encoded.question]).strip() == "What is this?"


def test_pooled_features_depend_on_the_picture_and_fit_the_head(lvlm: LVLM, pictures: list[np.ndarray]) -> None:
    known = PretrainingPictures(np.stack([pictures[2], 255 - pictures[2]]), pd.DataFrame())
    classifier = TowerClassifier(lvlm.model, 5)
    with torch.no_grad():
        one, other = classifier.features(**Pictures(lvlm.processor, known).batch([0, 1]))
    assert one.shape == (classifier.head.in_features,) and (one - other).norm() > 1e-3 * one.norm()


def test_the_tokenizer_is_saved_with_its_template(lvlm: LVLM, tmp_path: Path) -> None:
    lvlm.tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path, trust_remote_code=False)
    turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}]
    for tokenize in (False, True):
        ours, theirs = (
            t.apply_chat_template(turns, tokenize=tokenize, add_generation_prompt=True) for t in (lvlm.tokenizer, again)
        )
        assert ours == theirs and ours


def test_the_picture_has_as_many_features_as_tokens(lvlm: LVLM, tensors: list[torch.Tensor]) -> None:
    for tensor in tensors:
        (features,) = lvlm.model.model.get_image_features(**lvlm.pixel_values([tensor]), return_dict=True).pooler_output
        encoded = lvlm.encode([Prompt("What?")], lvlm.layouts([tensor]))
        assert features.shape == (int(encoded.image.sum()), lvlm.model.config.text_config.hidden_size)


def test_pictures_of_the_data_sets_cost_few_tokens(lvlm: LVLM) -> None:
    assert lvlm.image_tokens(lvlm.layout((64, 64))).count(lvlm.image_token) <= 64


def test_the_embedded_internvl_never_tiles() -> None:
    """Its family always turns tiling on, so the processor's maximum of one tile prevents it."""
    processor = build.image_processor(RECIPES["tiny-internvl"])
    for height, width in ((64, 64), (40, 300), (301, 96)):
        shown = processor(images=np.zeros((height, width, 3), np.uint8), crop_to_patches=True, return_tensors="pt")
        assert shown["pixel_values"].shape == (1, 3, 48, 48)
