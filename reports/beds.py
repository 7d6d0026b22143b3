"""The published runs as one row for each defense and attack, in one place of play ("bed") at a time."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import pandas as pd

from attacks.grammar import format_attack, published_set
from bench.results import published
from bench.scoring.ladder import PLAIN
from bench.spec import Method
from bench.tables.cells import compute_cells
from bench.tables.runs import load_published_runs, select_comparable

REMOVE_WORDS = "+drop_inserted"


class Bed(NamedTuple):
    """A data set, a box and seeds. Only cells that were played with each of these seeds count."""

    dataset: str
    threat: str
    seeds: tuple[int, ...] = (0,)


WHITE, BLACK = Bed("emoji_catalog", "white"), Bed("emoji_catalog", "black")
WHITE_SEEDS, BLACK_SEEDS = WHITE._replace(seeds=(0, 1, 2)), BLACK._replace(seeds=(0, 1, 2))
WHITE_SCENES, BLACK_SCENES = WHITE._replace(dataset="scenes"), BLACK._replace(dataset="scenes")


@cache
def published_runs() -> pd.DataFrame:
    """Return the published runs. Their attacks are labelled as they are typed: `lora_sft+jpeg(quality=30)`."""
    frame = load_published_runs()
    attacks = zip(frame["attack"], frame["attack_options"], strict=True)
    return frame.assign(attack_label=[format_attack(Method(name=name, options=options)) for name, options in attacks])


@cache
def bed_cells(bed: Bed) -> pd.DataFrame:
    """Return one row for each defense and attack of the standard set.

    Defenses are in the order of their protection under the plain attack (`plain`), the strongest first. Attacks are in
    the order of the standard set (`place`).
    """
    frame = select_comparable(published_runs())
    in_bed = (frame["dataset"] == bed.dataset) & (frame["threat"] == bed.threat) & frame["seed"].isin(bed.seeds)
    frame = frame[in_bed & frame["attack_label"].isin(published_set())]
    seeds = frame.groupby(["defense_label", "attack_label"])["seed"].transform("nunique")
    table = add_wordless_cells(compute_cells(frame[seeds == len(bed.seeds)]), bed)
    plain = table[table["attack_label"] == PLAIN].set_index("defense_label")["protection"]
    place = {attack: number for number, attack in enumerate(published_set())}
    table = table.assign(plain=table["defense_label"].map(plain), place=table["attack_label"].map(place))
    return table.sort_values(["plain", "place"], ascending=[False, True])


def by_names(cells: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    """Return each cell under the labels of its defense and its attack, in the order of the rows."""
    return {(cell["defense_label"], cell["attack_label"]): cell for _, cell in cells.iterrows()}


def add_wordless_cells(table: pd.DataFrame, bed: Bed) -> pd.DataFrame:
    """Add cells of attacks that remove words, on releases without inserted words.

    Such an attack changes nothing there, so its cell is that of the attack without the removal. This is done only where
    both attacks gave the same answers after training on clean data, with each seed.
    """
    frame = published_runs()
    clean = frame[(frame["dataset"] == bed.dataset) & frame["seed"].isin(bed.seeds) & (frame["defense"] == "none")]
    stages = dict(iter(clean.set_index("seed").groupby("attack_label")["stages"]))
    wordless = table[table["stealth_words"] == 0]
    added = []
    for attack in published_set():
        base = attack.replace(REMOVE_WORDS, "")
        if base != attack and {attack, base} <= stages.keys() and same_answers(stages[attack], stages[base], bed.seeds):
            added.append(wordless[wordless["attack_label"] == base].assign(attack_label=attack, worst=False))
    return pd.concat([table, *added]).drop_duplicates(["defense_label", "attack_label"])


def same_answers(stages: pd.Series, others: pd.Series, seeds: Iterable[int]) -> bool:
    """Return True where two attacks, given by their stages of each seed, gave the same test answers with all seeds."""

    def answers(stages: pd.Series, seed: int) -> list[str] | None:
        table = published.load_answers(stages[seed]["evaluate"]) if seed in stages else None
        return None if table is None else table.sort_values("id")["prediction"].tolist()

    pairs = [(answers(stages, seed), answers(others, seed)) for seed in seeds]
    return all(first is not None and first == second for first, second in pairs)


def item_scores(stages: dict[int, dict[str, str]]) -> pd.DataFrame:
    """Return the score of each test item, one column for each seed; the index is the item and its picture."""
    tables = {seed: published.load_answers(roles["evaluate"]) for seed, roles in stages.items()}
    indexed = {seed: t.set_index(["id", "image_id"])["score"] for seed, t in tables.items() if t is not None}
    return pd.concat(indexed, axis=1)
