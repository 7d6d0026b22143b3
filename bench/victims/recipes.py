"""Choose how a model is fine-tuned by its number of parameters: what suits a tiny one ruins one of billions."""

from functools import cache
from math import prod
from typing import NamedTuple

from safetensors import SafetensorError, safe_open

from bench.victims.catalog import ASSEMBLED, EMBEDDED, HUB, split_precision
from bench.victims.contents import list_files
from bench.victims.downloads import find_files
from bench.victims.files import read_card


class Recipe(NamedTuple):
    """The usual fine-tuning of models of one size; an attack or a defense may name other values.

    below: the number of parameters that such a model stays below. lora_lr, full_lr: peak learning rate (AdamW, cosine,
    10 % warm-up) of an adapter and of all weights. epochs: passes over the data. source: where the values are from.
    """

    name: str
    below: float
    lora_lr: float
    full_lr: float
    epochs: int
    source: str

    @property
    def values(self) -> list[str | float]:
        """The name and what decides a training: these are part of the names of stages."""
        return [self.name, self.lora_lr, self.full_lr, self.epochs]


RECIPES = (
    Recipe("tiny", 3e7, 5e-3, 2e-3, 8, "best of five rates on the clean validation pictures of the embedded victims"),
    Recipe(
        "small",
        1e9,
        1e-3,
        2e-4,
        8,
        "SmolLM2-135M was instruction-tuned with 1e-3 in batches of 128 (alignment-handbook, "
        "smollm2/sft/config_smol.yaml); clean validation pictures of smol-llava",
    ),
    Recipe(
        "large",
        float("inf"),
        2e-4,
        2e-5,
        3,
        "rates: published scripts of LLaVA-1.5 (Liu et al., CVPR 2024); passes: within MMGuard's grid (appendix F.2)",
    ),
)
"""From the smallest models to the largest."""


def choose_recipe(parameters: float) -> Recipe:
    """Return the recipe for a model with so many parameters.

    >>> choose_recipe(2e6).lora_lr, choose_recipe(4e9).lora_lr
    (0.005, 0.0002)
    """
    return next(recipe for recipe in RECIPES if parameters < recipe.below)


@cache
def recipe_of(name: str) -> Recipe:
    """Return the recipe for a victim by name.

    >>> recipe_of("tiny-llava-a").name, recipe_of("smolvlm-256m").name, recipe_of("qwen3-vl-4b@4bit").name
    ('tiny', 'small', 'large')
    """
    return choose_recipe(count_parameters(name))


def count_parameters(name: str) -> float:
    """Return the number of parameters of a victim; about, for one of the catalog that is not on this machine.

    Read are the headers of its weights alone. Where they cannot be read, it is 0: loading says what is wrong.
    """
    base, _ = split_precision(name)
    if base in EMBEDDED:
        return float(read_card(base)["parameters"])
    if base in ASSEMBLED:
        return float(ASSEMBLED[base].parameters)
    folder = find_files(base)
    if folder is None:
        return HUB[base].gigabytes * 1e9 / 2 if base in HUB else 0.0
    weights = [file for file in list_files(folder).values() if file.suffix == ".safetensors"]
    return float(sum(_count(str(file)) for file in weights))


def _count(file: str) -> int:
    """Return the number of values in a file of weights, whatever their precision."""
    try:
        with safe_open(file, framework="numpy") as weights:
            shapes = [weights.get_slice(key).get_shape() for key in weights.keys()]  # noqa: SIM118 - not a dictionary
    except (SafetensorError, OSError, ValueError):
        return 0
    return sum(prod(shape) for shape in shapes)
