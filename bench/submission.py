"""A submitted defense: a closed, versioned YAML schema. It is data; nothing in it is ever executed."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from bench.errors import UserError
from bench.spec import Budget, Closed, Method, RunSpec, Threat

MAX_BYTES = 64 * 1024


class Submission(Closed):
    """A configured defense and the cells it wants to be played on."""

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
    seeds: list[int] = Field([0], min_length=1, max_length=10)

    @field_validator("title", "authors", "description", "reference")
    @classmethod
    def printable(cls, value: str | list[str]) -> str | list[str]:
        """No control characters: they could forge a terminal's or a page's text."""
        for text in [value] if isinstance(value, str) else value:
            if any(not c.isprintable() and c != "\n" for c in text):
                raise ValueError("control characters are not allowed")
        return value

    def runs(self, attack: str) -> list[RunSpec]:
        """Every cell."""
        return [
            RunSpec(
                defense=self.defense,
                attack=Method(name=attack),
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


class _Loader(yaml.SafeLoader):
    """SafeLoader without aliases: a few hundred bytes of them can unfold to gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


def read(file: Path) -> Submission:
    """Read and check a submission. Raises UserError that names the field, the value and what is allowed."""
    if not file.is_file():
        raise UserError(f"file: {str(file)!r} does not exist")
    if file.stat().st_size > MAX_BYTES:
        raise UserError(f"file: {file.stat().st_size} bytes; allowed: {MAX_BYTES}")
    try:
        return Submission.model_validate(_Loader(file.read_text(encoding="utf-8")).get_single_data())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"file: not YAML that is allowed here: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "file"
        raise UserError(f"{field}: {str(first['input'])[:80]!r}: {first['msg']}") from None
