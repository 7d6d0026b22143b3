"""A submitted defense: a closed, versioned YAML schema. It is data, and nothing in it is ever executed."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from attacks.grammar import parse_attack
from bench import yamlfile
from bench.spec import Budget, Closed, Method, RunSpec, Seeds, Threat


class Submission(Closed):
    """A configured defense, and the cells that it is to be played on."""

    version: Literal[1]
    title: str = Field(min_length=3, max_length=120)
    authors: list[str] = Field(min_length=1, max_length=50)
    description: str = Field("", max_length=4000)
    reference: str = Field("", max_length=300, description="paper or report")
    defense: Method
    budget: Budget = Budget()
    datasets: list[str] = Field(["emoji_catalog"], min_length=1, max_length=16)
    victims: list[str] = Field(["tiny-llava-a"], min_length=1, max_length=16)
    threats: list[Threat] = Field(["white"], min_length=1, max_length=3)
    seeds: Seeds = Field([0], max_length=10)

    @field_validator("title", "authors", "description", "reference")
    @classmethod
    def printable(cls, value: str | list[str]) -> str | list[str]:
        """Refuse control characters: they could forge the text of a terminal or a page."""
        for text in [value] if isinstance(value, str) else value:
            if any(not character.isprintable() and character != "\n" for character in text):
                raise ValueError("control characters are not allowed")
        return value

    def runs(self, attack: str) -> list[RunSpec]:
        """Return every cell, under an attack in the form of the command line."""
        return [
            RunSpec(
                defense=self.defense,
                attack=parse_attack(attack),
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


def read_submission(file: Path) -> Submission:
    """Read and check a submission. Raises UserError that names the field, the value and what is allowed."""
    return yamlfile.read(file, Submission)
