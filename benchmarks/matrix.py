"""The tables of docs/findings.md from what is published: python benchmarks/matrix.py [DATASET] [VICTIM] [SEED]

Four tables a game: what each attack costs and does to clean data; protection; what a trainer who takes the best attack
on his validation data is left with; and how much less he gets from MMGuard's release than from others.
"""

import sys

import pandas as pd

from bench.scoring.frontier import PLAIN, Step
from bench.scoring.stats import Estimate, mean, paired
from bench.store import published
from leaderboard import data
from leaderboard.costs import ladders

RIVALS = ("em", "hypo", "multimodal", "mmguard_crs", "text_trigger")
"""What MMGuard is compared with: its ablations, and noise without adaptation."""

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


def against(cells: pd.DataFrame, ours: str = "mmguard") -> None:
    """Paired differences of test accuracy, other release minus MMGuard's, in points, and p (of each alone)."""
    head("attack", f"what others give away beyond {ours}, in points of accuracy")
    for attack, group in [*cells.groupby("attack_label", sort=False), ("the best against each", cells[cells["worst"]])]:
        tables = {cell["defense_label"]: scores(cell["answers"]) for _, cell in group.iterrows()}
        if (own := tables.pop(ours, None)) is None:
            continue
        found = [f"{name} {difference(table, own)}" for name, table in tables.items() if name in RIVALS]
        row(f"`{attack}`", ", ".join(found))


def scores(stages: dict[int, dict[str, str]]) -> pd.DataFrame:
    """Score of each test item, one column a seed; the index is the item and its picture."""
    each = {seed: published.answers(names["evaluate"]) for seed, names in stages.items()}
    return pd.concat(
        {seed: t.set_index(["id", "image_id"])["score"] for seed, t in each.items() if t is not None}, axis=1
    )


def difference(one: pd.DataFrame, other: pd.DataFrame) -> str:
    """Mean over common seeds with its interval."""
    gap = (one - other).dropna(axis=1)
    values, pictures = gap.to_numpy().T, gap.index.get_level_values("image_id").to_numpy()
    return "{:+.1f} [{:+.1f}, {:+.1f}] p {:.2g}".format(
        *(100 * v for v in mean(values, pictures)), paired(values, pictures)
    )


def told(estimate: Estimate | None) -> str:
    """A value and its interval."""
    return "" if estimate is None else "{:+.2f} [{:+.2f}, {:+.2f}]".format(*estimate)


def total(step: Step) -> str:
    """What all attacks until now cost."""
    return f"{step.total:.0f}"


def main(dataset: str = "emoji_catalog", victim: str = "tiny-internvl", seed: str = "") -> None:
    """Print the tables of every game on a data set with a victim; of one seed, or of all seeds together."""
    runs = data.comparable(data.runs(published.runs()))
    runs = runs[(runs["dataset"] == dataset) & (runs["victim"] == victim)]
    runs = runs[runs["seed"] == int(seed)] if seed else runs
    for game, group in runs.groupby(GAME, sort=False):
        cells = data.cells(group).sort_values("protection", ascending=False)
        order = cells.groupby("defense_label")["protection"].max().sort_values(ascending=False).index
        cells = cells.set_index("defense_label").loc[order].reset_index()
        print(f"\n## {dataset}, {victim}, {game[0]} box (surrogates {game[1]}), {len(group)} runs")
        order_of_cost = attacks_on_clean_data(cells, group)
        protection(cells, order_of_cost)
        best(cells)
        against(cells)


if __name__ == "__main__":
    main(*sys.argv[1:])
