"""A suite: a matrix of runs in a closed, versioned YAML schema."""

from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from attacks.grammar import expand_best, parse_attack
from bench import yamlfile
from bench.errors import UserError
from bench.game.suites import FOLDER, presets
from bench.spec import Budget, Closed, Method, RunSpec, Seeds, Threat

MAX_RUNS = 100_000


class Matrix(Closed):
    """Every combination of its lists. A method is a name, or a name with options."""

    defenses: list[Method] = Field(min_length=1)
    attacks: list[Method] = Field([Method(name="lora_sft")], min_length=1)
    datasets: list[str] = Field(["emoji_catalog"], min_length=1)
    victims: list[str] = Field(["tiny-llava-a"], min_length=1)
    threats: list[Threat] = Field(["white"], min_length=1)
    seeds: Seeds = [0]
    budgets: list[Budget] = Field([Budget()], min_length=1)

    @field_validator("defenses", mode="before")
    @classmethod
    def named(cls, value: Any) -> Any:
        """`em` is short for `{name: em}`."""
        return [{"name": v} if isinstance(v, str) else v for v in value] if isinstance(value, list) else value

    @field_validator("attacks", mode="before")
    @classmethod
    def written(cls, value: Any) -> Any:
        """An attack may be written as on the command line: `lora_sft+jpeg(quality=30)`, a recipe's name, or `best`."""
        if not isinstance(value, list):
            return value
        return [made for v in value for made in (map(parse_attack, expand_best(v)) if isinstance(v, str) else [v])]

    def runs(self) -> list[RunSpec]:
        """The combinations, seeds innermost. Raises UserError where they are too many."""
        lists = (self.budgets, self.datasets, self.victims, self.threats, self.defenses, self.attacks, self.seeds)
        count = 1
        for values in lists:
            count *= len(values)
        if count > MAX_RUNS:
            raise UserError(f"suite: {count} runs; allowed: {MAX_RUNS}")
        names = ("budget", "dataset", "victim", "threat", "defense", "attack", "seed")
        return [RunSpec(**dict(zip(names, values, strict=True))) for values in product(*lists)]


class Pattern(Closed):
    """Fits a run that agrees with every field that is given: a value, or a list of values."""

    defense: str | list[str] | None = None
    attack: str | list[str] | None = None
    dataset: str | list[str] | None = None
    victim: str | list[str] | None = None
    threat: Threat | list[Threat] | None = None
    seed: int | list[int] | None = None

    def fits(self, spec: RunSpec) -> bool:
        """Whether `spec` is meant."""
        own = {**dict(spec), "defense": spec.defense.name, "attack": spec.attack.name}
        given = {key: value for key, value in self if value is not None}
        return bool(given) and all(own[k] in (v if isinstance(v, list) else [v]) for k, v in given.items())


class Suite(Matrix):
    """A matrix, with more of them added (`include`), and without the runs that fit a pattern (`exclude`)."""

    version: Literal[1]
    title: str = Field(min_length=3, max_length=120)
    include: list[Matrix] = []
    exclude: list[Pattern] = []

    def runs(self) -> list[RunSpec]:
        """Distinct runs in the order of the file."""
        every = [*super().runs(), *(spec for matrix in self.include for spec in matrix.runs())]
        kept = {spec.model_dump_json(): spec for spec in every if not any(p.fits(spec) for p in self.exclude)}
        return list(kept.values())


def read(name: str) -> Suite:
    """A suite from a file, or a shipped one by its name. Raises UserError."""
    file = FOLDER / f"{name}.yaml" if name in presets() else Path(name)
    if not file.is_file():
        raise UserError(f"suite: {name!r} is no file; allowed: a YAML file or one of {', '.join(presets())}")
    return yamlfile.read(file, Suite)
