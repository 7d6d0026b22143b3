"""Random-weight models of the real Hugging Face classes, in the sizes of a `Recipe`, and their processors."""

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
"""Family of a recipe (`model_type` of its checkpoint) to what builds it."""


def tokenizer(recipe: Recipe, corpus: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer of `recipe.vocabulary` entries, trained on `corpus`, with the family's chat template."""
    return BUILDERS[recipe.family].tokenizer(recipe, corpus)


def image_processor(recipe: Recipe) -> BaseImageProcessor:
    """The family's own image processor at the embedded victims' resolution."""
    return BUILDERS[recipe.family].image_processor(recipe)


def model(recipe: Recipe, tok: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A model with random weights from torch's global generator."""
    return BUILDERS[recipe.family].model(recipe, tok)
