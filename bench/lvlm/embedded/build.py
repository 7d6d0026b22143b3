"""Build models of the real Hugging Face classes with random weights, and their processors, from a `Recipe`."""

from transformers import BaseImageProcessor, PreTrainedModel, PreTrainedTokenizerFast

from bench.lvlm.embedded.builders.base import Builder
from bench.lvlm.embedded.builders.gemma3 import Gemma3Builder
from bench.lvlm.embedded.builders.internvl import InternVLBuilder
from bench.lvlm.embedded.builders.llava import LlavaBuilder
from bench.lvlm.embedded.builders.qwen3_vl import Qwen3VLBuilder
from bench.lvlm.embedded.recipes import Recipe

BUILDERS: dict[str, Builder] = {
    "llava": LlavaBuilder(),
    "qwen3_vl": Qwen3VLBuilder(),
    "gemma3": Gemma3Builder(),
    "internvl": InternVLBuilder(),
}
"""The builder of each family; a family is the `model_type` of a checkpoint."""


def tokenizer(recipe: Recipe, corpus: list[str]) -> PreTrainedTokenizerFast:
    """Return a tokenizer of `recipe.vocabulary` entries, trained on `corpus`, with the family's chat template."""
    return BUILDERS[recipe.family].tokenizer(recipe, corpus)


def image_processor(recipe: Recipe) -> BaseImageProcessor:
    """Return the family's own image processor at the embedded victims' resolution."""
    return BUILDERS[recipe.family].image_processor(recipe)


def model(recipe: Recipe, tok: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Return a model with random weights from torch's global generator."""
    return BUILDERS[recipe.family].model(recipe, tok)
