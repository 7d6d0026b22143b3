"""The own recipe of each method beside its default: what both cost, and what they protect."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pydantic import Field

from bench import yamlfile
from bench.spec import Closed
from bench.tables.ranks import compute_leaderboard
from reports import markdown
from studies.recipes import Options, loop_options

FILE = Path(__file__).with_suffix(".yaml")

COLUMNS = (
    "release", "recipe", "pixel steps", "surrogate steps", "seconds", "right in the search", "runs default LoRA",
    "best of what was played", "attacks met",
)  # fmt: skip


class OwnRecipe(Closed):
    """The recipe that a search found for a method, and what the trainer of the search reached, in [0,1]."""

    attack: str
    options: Options
    default: float = Field(ge=0, le=1)
    own: float = Field(ge=0, le=1)
    trials: int = Field(ge=1)

    @property
    def recipes(self) -> list[tuple[Options, float]]:
        """The default and, if it is another, the own recipe, each with what the trainer reached."""
        return [({}, self.default), *([(self.options, self.own)] if self.options else [])]


class OwnRecipes(Closed):
    """The findings of all searches, and recipes that were taken over from another method, by the name of the method."""

    methods: dict[str, OwnRecipe]
    taken_over: dict[str, Options]

    @property
    def recipes(self) -> Iterator[tuple[str, Options, float | None]]:
        """The recipes of each method, with what the trainer of its search reached; None where no search had them."""
        for name in self.methods | self.taken_over:
            searched = self.methods[name].recipes if name in self.methods else [({}, None)]
            yield from ((name, options, accuracy) for options, accuracy in searched)
            if name in self.taken_over:
                yield name, self.taken_over[name], None


def load() -> OwnRecipes:
    """Return what was found for each method."""
    return yamlfile.read(FILE, OwnRecipes)


def tabulate(played: pd.DataFrame) -> str:
    """Return the table of all recipes from the rows of one game at its first seed, columns as `COLUMNS`."""
    first = played[played["seed"] == played["seed"].min()]
    board = compute_leaderboard(first).set_index("defense_label")

    methods = zip(first["defense"], first["defense_options"], first["defense_label"], strict=True)
    labels = {(name, frozenset(options.items())): label for name, options, label in methods}

    def rows() -> Iterator[list[str]]:
        for name, options, accuracy in load().recipes:
            label = labels.get((name, frozenset(options.items())))
            if label is not None:
                row = board.loc[label]
                searched = "" if accuracy is None else f"{accuracy:.1%}"
                yield [f"`{name}`", *_describe(name, options), f"{row.seconds_protect:.0f}", searched,
                       _protection(row, "plain"), _protection(row, "so_far"), f"{row.met} of {row.of}"]  # fmt: skip

    return markdown.table(COLUMNS, rows())


def _describe(name: str, options: Options) -> list[str]:
    """Return the cells of a recipe and of the steps that it takes."""
    o = loop_options(name, options)
    recipe = ", ".join(f"{key}={value}" for key, value in options.items()) or "default"
    return [recipe, str(o.rounds * o.image_steps), str(o.rounds * o.inner_steps)]


def _protection(row: pd.Series, level: str) -> str:
    return markdown.interval((row[level], row[f"{level}_low"], row[f"{level}_high"]))
