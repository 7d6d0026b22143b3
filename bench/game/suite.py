"""A suite: a matrix of runs in a closed, versioned YAML schema."""

import os
from collections.abc import Sequence
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, field_validator

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from attacks.required import expand_set
from bench import yamlfile
from bench.errors import UserError, show
from bench.game.suites import FOLDER, presets
from bench.spec import Budget, Closed, Method, RunSpec, Seed, Seeds, Threat
from bench.texts import check_text
from defenses import REGISTRY as DEFENSES

MAX_RUNS = 100_000
"""Runs of a suite, counted before any is made, with those that stand twice and those that are excluded."""

MAX_MATRICES = 100
"""Included matrices, and excluding patterns."""

SHOWN_NAMES = 20
"""Most names that an error line lists."""

T = TypeVar("T")
Index = dict[str, dict[Any, set[int]]]
"""For each field of a pattern and each of its values, the numbers of the runs that have it."""


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
            attacks += map(parse_attack, expand_set(entry)) if isinstance(entry, str) else [entry]
        return attacks

    def count(self) -> int:
        """Return the number of combinations."""
        return prod(map(len, self._lists()))

    def runs(self) -> list[RunSpec]:
        """Return the combinations, seeds innermost, with options in their one form.

        Raises UserError where there are too many, and for unknown or wrong options.
        """
        _refuse_many(self.count())
        names = ("budget", "dataset", "victim", "threat", "defense", "attack", "seed")
        return [RunSpec(**dict(zip(names, values, strict=True))) for values in product(*self._normal_lists())]

    def _lists(self) -> tuple[Sequence[Any], ...]:
        return (self.budgets, self.datasets, self.victims, self.threats, self.defenses, self.attacks, self.seeds)

    def _normal_lists(self) -> tuple[Sequence[Any], ...]:
        *others, defenses, attacks, seeds = self._lists()
        return (*others, [*map(DEFENSES.normalise, defenses)], [*map(ATTACKS.normalise, attacks)], seeds)


def _make_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Choices = Annotated[list[T], BeforeValidator(_make_list), Field(min_length=1)]
"""A value, or a list of values."""


class Pattern(Closed):
    """A description that fits a run when every field that is set has its value, or lists it."""

    defense: Choices[str] = []
    attack: Choices[str] = []
    dataset: Choices[str] = []
    victim: Choices[str] = []
    threat: Choices[Threat] = []
    seed: Choices[Seed] = []


class Suite(Matrix):
    """A matrix, with further ones added (`include`), and without the runs that fit a pattern (`exclude`)."""

    version: Literal[1]
    title: str = Field(min_length=3, max_length=120)
    include: list[Matrix] = Field([], max_length=MAX_MATRICES)
    exclude: list[Pattern] = Field([], max_length=MAX_MATRICES)

    _check_title = field_validator("title")(check_text)

    def runs(self) -> list[RunSpec]:
        """Return the distinct runs in the order of the file.

        Raises UserError where there are too many, and for a pattern that fits none of them.
        """
        _refuse_many(self.count() + sum(matrix.count() for matrix in self.include))
        every = [*super().runs(), *(spec for matrix in self.include for spec in matrix.runs())]
        distinct = list({spec.model_dump_json(): spec for spec in every}.values())
        index = _index(distinct)
        excluded: set[int] = set()
        for number, pattern in enumerate(self.exclude):
            excluded |= _find_fitting(pattern, index, f"exclude.{number}")
        return [spec for number, spec in enumerate(distinct) if number not in excluded]


def _refuse_many(count: int) -> None:
    if count > MAX_RUNS:
        raise UserError(f"suite: {count} runs; allowed: {MAX_RUNS}")


def _index(specs: Sequence[RunSpec]) -> Index:
    index: Index = {field: {} for field in Pattern.model_fields}
    for number, spec in enumerate(specs):
        for field, numbers in index.items():
            value = getattr(spec, field)
            numbers.setdefault(value.name if isinstance(value, Method) else value, set()).add(number)
    return index


def _find_fitting(pattern: Pattern, index: Index, where: str) -> set[int]:
    """Return the numbers of the runs that a pattern fits.

    Raises UserError where there is none, and for a value that no run has: a slip of the pen would exclude nothing.
    """
    fitting: list[set[int]] = []
    for field, values in pattern:
        for value in values:
            if value not in index[field]:
                allowed = ", ".join(map(str, islice(index[field], SHOWN_NAMES)))
                raise UserError(f"{where}.{field}: {show(value)} is in no run of this suite; allowed: {allowed}")
        if values:
            fitting.append(set[int]().union(*(index[field][value] for value in values)))
    common = set.intersection(*fitting) if fitting else set()
    if not common:
        raise UserError(f"{where}: fits no run of this suite; allowed: patterns that fit one")
    return common


def read_suite(name: str) -> Suite:
    """Read a suite from a file, or one that comes with the package by its name. Raises UserError."""
    file = FOLDER / f"{name}.yaml" if name in presets() else Path(name)
    if not os.path.exists(file):  # noqa: PTH110 - False, too, for a name that no file system takes
        raise UserError(f"suite: {show(name)} is no file; allowed: a YAML file or one of {', '.join(presets())}")
    return yamlfile.read(file, Suite)
