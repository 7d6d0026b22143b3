"""A suite: a matrix of runs in a closed, versioned YAML schema."""

from itertools import product
from math import prod
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
    """Every combination of its lists.

    >>> len(Matrix(defenses=["none", "em"], seeds=[0, 1, 2]).runs())
    6
    """

    defenses: list[Method] = Field(min_length=1)
    attacks: list[Method] = Field([Method(name="lora_sft")], min_length=1)
    datasets: list[str] = Field(["emoji_catalog"], min_length=1)
    victims: list[str] = Field(["tiny-llava-a"], min_length=1)
    threats: list[Threat] = Field(["white"], min_length=1)
    seeds: Seeds = [0]
    budgets: list[Budget] = Field([Budget()], min_length=1)

    @field_validator("defenses", mode="before")
    @classmethod
    def expand_names(cls, value: Any) -> Any:
        """Read `em` as `{name: em}`."""
        if not isinstance(value, list):
            return value
        return [{"name": entry} if isinstance(entry, str) else entry for entry in value]

    @field_validator("attacks", mode="before")
    @classmethod
    def parse_attacks(cls, value: Any) -> Any:
        """Read attacks in the form of the command line: `lora_sft+jpeg(quality=30)`, a recipe's name, or `best`."""
        if not isinstance(value, list):
            return value
        attacks: list[Any] = []
        for entry in value:
            attacks += map(parse_attack, expand_best(entry)) if isinstance(entry, str) else [entry]
        return attacks

    def runs(self) -> list[RunSpec]:
        """Return the combinations, seeds innermost. Raises UserError where there are too many."""
        lists = (self.budgets, self.datasets, self.victims, self.threats, self.defenses, self.attacks, self.seeds)
        count = prod(len(values) for values in lists)
        if count > MAX_RUNS:
            raise UserError(f"suite: {count} runs; allowed: {MAX_RUNS}")
        names = ("budget", "dataset", "victim", "threat", "defense", "attack", "seed")
        return [RunSpec(**dict(zip(names, values, strict=True))) for values in product(*lists)]


class Pattern(Closed):
    """A description that fits a run when every field that is set agrees with it: a value, or a list of values."""

    defense: str | list[str] | None = None
    attack: str | list[str] | None = None
    dataset: str | list[str] | None = None
    victim: str | list[str] | None = None
    threat: Threat | list[Threat] | None = None
    seed: int | list[int] | None = None

    def fits(self, spec: RunSpec) -> bool:
        """Tell if a run fits. A pattern without any field fits nothing."""
        values = {**dict(spec), "defense": spec.defense.name, "attack": spec.attack.name}
        allowed = {name: value if isinstance(value, list) else [value] for name, value in self if value is not None}
        return bool(allowed) and all(values[name] in choices for name, choices in allowed.items())


class Suite(Matrix):
    """A matrix, with further ones added (`include`), and without the runs that fit a pattern (`exclude`)."""

    version: Literal[1]
    title: str = Field(min_length=3, max_length=120)
    include: list[Matrix] = []
    exclude: list[Pattern] = []

    def runs(self) -> list[RunSpec]:
        """Return the distinct runs in the order of the file."""
        every = [*super().runs(), *(spec for matrix in self.include for spec in matrix.runs())]
        included = (spec for spec in every if not any(pattern.fits(spec) for pattern in self.exclude))
        return list({spec.model_dump_json(): spec for spec in included}.values())


def read_suite(name: str) -> Suite:
    """Read a suite from a file, or one that comes with the package by its name. Raises UserError."""
    file = FOLDER / f"{name}.yaml" if name in presets() else Path(name)
    if not file.is_file():
        raise UserError(f"suite: {name!r} is no file; allowed: a YAML file or one of {', '.join(presets())}")
    return yamlfile.read(file, Suite)
