"""Version 1 of a submission: one file that configures a defense and names the cells that it is played on."""

from collections.abc import Mapping
from math import prod
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from bench.errors import UserError, show, unknown_name
from bench.game.submissions.fields import Authors, Paragraph, Title, check_dataset, refuse_doubles
from bench.spec import Budget, Closed, Method, RunSpec, Seeds, Threat
from bench.victims import EMBEDDED as EMBEDDED_VICTIMS
from bench.victims import HUB as HUB_VICTIMS
from bench.victims import PRECISIONS, split_precision
from defenses import REGISTRY as DEFENSES

MAX_RUNS = 100
"""Runs of a submission under one attack."""

MAX_STEPS = 10_000
"""Gradient steps that make a release of a submission; the default of `mmguard` is 14."""


class Submission(Closed):
    """A configured defense, and the cells that it is to be played on."""

    version: Literal[1]
    title: Title
    authors: Authors
    description: Paragraph = Field("", max_length=4000)
    reference: Paragraph = Field("", max_length=300, description="paper or report")
    defense: Method
    budget: Budget = Budget()
    datasets: list[str] = Field(["emoji_catalog"], min_length=1, max_length=16)
    victims: list[str] = Field(["tiny-llava-a"], min_length=1, max_length=16)
    threats: list[Threat] = Field(["white"], min_length=1, max_length=3)
    seeds: Seeds = Field([0], max_length=10)

    _refuse_doubles = field_validator("datasets", "threats")(refuse_doubles)

    @field_validator("datasets")
    @classmethod
    def check_datasets(cls, names: list[str]) -> list[str]:
        """Raise UserError for a data set without a card."""
        return [check_dataset(name, "datasets") for name in names]

    @field_validator("victims")
    @classmethod
    def check_victims(cls, names: list[str]) -> list[str]:
        """Raise UserError for a victim outside the catalog, and ValueError for one that is there in two precisions."""
        bases: set[str] = set()
        for name in names:
            base, _ = split_precision(name)
            if base not in EMBEDDED_VICTIMS and base not in HUB_VICTIMS:
                precisions = f", also with @{', @'.join(PRECISIONS)}"
                raise unknown_name("victims", name, [*EMBEDDED_VICTIMS, *HUB_VICTIMS], precisions)
            if base in bases:
                raise ValueError(f"{show(base)} is there twice; allowed: once, in one precision")
            bases.add(base)
        return names

    @model_validator(mode="after")
    def refuse_many(self) -> Self:
        """Raise UserError for too many runs."""
        counts = [len(values) for values in (self.datasets, self.victims, self.threats, self.seeds)]
        if prod(counts) > MAX_RUNS:
            product = f"{' x '.join(map(str, counts))} = {prod(counts)} runs under one attack"
            raise UserError(f"datasets x victims x threats x seeds: {product}; allowed: {MAX_RUNS}")
        return self

    def runs(self, attack: str) -> list[RunSpec]:
        """Return every cell, with options in their one form, under an attack in the form of the command line."""
        defense, method = DEFENSES.normalise(self.defense), ATTACKS.normalise(parse_attack(attack))
        return [
            RunSpec(
                defense=defense,
                attack=method,
                dataset=dataset,
                victim=victim,
                threat=threat,
                seed=seed,
                budget=self.budget,
            )
            for dataset in self.datasets
            for victim in self.victims
            for threat in self.threats
            for seed in self.seeds
        ]


def check_steps(options: Mapping[str, Any]) -> None:
    """Raise UserError where a defense with these options, defaults included, takes too many gradient steps."""
    count = options.get("rounds", 1) * (options.get("image_steps", 0) + options.get("inner_steps", 0))
    if count > MAX_STEPS:
        product = f"rounds x (image_steps + inner_steps) = {count} steps"
        raise UserError(f"defense.options: {product}; allowed in a submission: {MAX_STEPS}")
