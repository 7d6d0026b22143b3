"""The tables of docs/findings.md, in Markdown, from the published results: python benchmarks/matrix.py [DATASET] [VICTIM]

Three tables: what each attack costs and does to clean data, protection in the white and the black box, and what the
trainer who takes the best attack on his validation data is left with.
"""

import sys

import pandas as pd

from bench.scoring.frontier import PLAIN, Step
from bench.scoring.stats import Estimate
from bench.store import published
from leaderboard import data
from leaderboard.costs import ladders

GAME = ["threat", "surrogates", "epsilon", "words"]


def score(cell: pd.Series) -> str:
    """Protection with its interval; the number of seeds where there are several."""
    seeds = f", {cell['seeds']} seeds" if cell["seeds"] > 1 else ""
    return f"{cell['protection']:+.2f} [{cell['low']:+.2f}, {cell['high']:+.2f}]{seeds}"


def row(*cells: object) -> None:
    """A line of a table."""
    print("| " + " | ".join(map(str, cells)) + " |")


def head(*names: str) -> None:
    """The first two lines of a table."""
    print()
    row(*names)
    row(*["---"] * len(names))


def attacks_on_clean_data(cells: pd.DataFrame, runs: pd.DataFrame) -> list[str]:
    """Cost over lora_sft, median over the releases that met both, and what an attack takes from a clean release."""
    seconds = runs.pivot_table(index=["defense", "seed"], columns="attack_label", values="seconds_attack")
    cost = seconds.div(seconds[PLAIN], axis=0).median().sort_values()
    clean = cells[cells["defense"] == "none"].set_index("attack_label")
    head("attack", "cost", "accuracy on clean data", "share of the clean gain that the attack itself costs")
    for attack in cost.index:
        known = attack in clean.index
        shown = (f"{clean.loc[attack, 'utility']:.1%}", score(clean.loc[attack])) if known else ("", "")
        row(f"`{attack}`", f"{cost[attack]:.1f}", *shown)
    return list(cost.index)


def protection(cells: pd.DataFrame, attacks: list[str]) -> None:
    """One line a defense, one column an attack; bold: the worst case."""
    head("defense", *(f"`{attack}`" for attack in attacks))
    for defense, group in cells.groupby("defense_label", sort=False):
        by = group.set_index("attack_label")
        told = {a: f"**{score(c)}**" if c["worst"] else score(c) for a, c in by.iterrows()}
        row(f"`{defense}`", *(told.get(attack, "") for attack in attacks))


def best(cells: pd.DataFrame) -> None:
    """The ladder of each defense: what the plain attack and the best of all leave, and which were best on the way."""
    head("defense", "attacks", "plain", "best on validation", "its protection", "cost of all", "best gain at cost")
    for defense, steps in ladders(cells):
        new = [step for step in steps if step.best is step.tried]
        way = " → ".join(f"{step.tried.attack} {100 * step.tried.gain:.0f} at {step.total:.0f}" for step in new)
        plain, last = told(steps[0].tried.protection), steps[-1]
        row(f"`{defense}`", len(steps), plain, f"`{last.best.attack}`", told(last.best.protection), total(last), way)


def told(estimate: Estimate | None) -> str:
    """A value and its interval."""
    return "" if estimate is None else "{:+.2f} [{:+.2f}, {:+.2f}]".format(*estimate)


def total(step: Step) -> str:
    """What all attacks until now cost."""
    return f"{step.total:.0f}"


def main(dataset: str = "emoji_catalog", victim: str = "tiny-internvl") -> None:
    """Print the tables of every game on a data set with a victim."""
    runs = data.comparable(data.runs(published.runs()))
    runs = runs[(runs["dataset"] == dataset) & (runs["victim"] == victim)]
    for game, group in runs.groupby(GAME, sort=False):
        cells = data.cells(group).sort_values("protection", ascending=False)
        order = cells.groupby("defense_label")["protection"].max().sort_values(ascending=False).index
        cells = cells.set_index("defense_label").loc[order].reset_index()
        print(f"\n## {dataset}, {victim}, {game[0]} box (surrogates {game[1]}), {len(group)} runs")
        order_of_cost = attacks_on_clean_data(cells, group)
        protection(cells, order_of_cost)
        best(cells)


if __name__ == "__main__":
    main(*sys.argv[1:])
