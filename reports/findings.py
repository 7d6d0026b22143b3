"""Write the tables of docs/findings.md from the published results: python -m reports.findings

A table stands between `<!-- name -->` and `<!-- end -->`. The text around the tables is written by hand and is kept.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from attacks.grammar import format_attack, published_set
from bench.game.suite import read_suite
from bench.scoring import stats
from bench.scoring.ladder import PLAIN
from bench.scoring.smells import UPPER_BOUND
from bench.tables.cells import compute_cells
from bench.tables.runs import select_comparable
from reports import markdown
from reports.beds import (
    BLACK,
    BLACK_SCENES,
    BLACK_SEEDS,
    REMOVE_WORDS,
    WHITE,
    WHITE_SCENES,
    WHITE_SEEDS,
    Bed,
    bed_cells,
    by_names,
    item_scores,
    published_runs,
)

PAGE = Path(__file__).parents[1] / "docs" / "findings.md"
TABLE = re.compile(r"<!-- (.+?) -->\n.*?<!-- end -->", re.S)
RIVALS = ("multimodal", "mmguard_crs", "em", "hypo", "text_trigger", "random_trigger")
"""Defenses that MMGuard is compared with: its ablations, noise without adaptation, and five random words."""


def code(names: Iterable[str]) -> list[str]:
    """Return names as code; a long attack may break into lines before each of its parts."""
    return [f"`{name}`".replace("+", "` `+") for name in names]


def protection(cell: pd.Series) -> str:
    """Return the protection of a cell with its interval."""
    return markdown.interval(cell[["protection", "low", "high"]])


def marked_protection(cell: pd.Series) -> str:
    """Return the same, in bold where a trainer would choose the cell's attack by validation accuracy."""
    return f"**{protection(cell)}**" if cell["worst"] else protection(cell)


def on_clean_data() -> str:
    """Return for each attack its cost and its effect on clean data.

    Cost is the median, over the releases that both attacks met, of its seconds over those of `lora_sft`.
    """
    frame = select_comparable(published_runs())
    frame = frame[(frame["dataset"] == WHITE.dataset) & (frame["seed"] == 0)]
    seconds = frame.pivot_table(index=["defense", "threat"], columns="attack_label", values="seconds_attack")
    cost = seconds.div(seconds[PLAIN], axis=0).median()
    undefended = frame[(frame["defense"] == "none") & (frame["threat"] == WHITE.threat)]
    clean = compute_cells(undefended).sort_values("protection", kind="stable")

    def rows() -> Iterator[list[str]]:
        for (_, attack), cell in by_names(clean).items():
            yield [f"`{attack}`", f"{cost[attack]:.1f}", f"{cell['utility']:.1%}", protection(cell)]

    titles = ("attack", "cost", "accuracy on clean data", "share of the clean gain that it costs")
    return markdown.table(titles, rows())


def matrix(bed: Bed) -> str:
    """Return the protection of each defense under each attack of the standard set; empty where it was not played."""
    table = bed_cells(bed)
    cells = by_names(table)
    attacks = [attack for attack in published_set() if attack in set(table["attack_label"])]

    def rows() -> Iterator[list[str]]:
        for defense in table["defense_label"].unique():
            met = ((defense, attack) for attack in attacks)
            yield [f"`{defense}`", *(marked_protection(cells[names]) if names in cells else "" for names in met)]

    return markdown.table(["defense", *code(attacks)], rows())


def accuracy_gap(theirs: pd.Series, ours: pd.Series) -> str:
    """Return how many points more accuracy one cell gives a trainer than another: interval, and p of this pair alone.

    The answers of both are paired by test item.
    """
    difference = item_scores(theirs["answers"]) - item_scores(ours["answers"])
    values, pictures = difference.to_numpy().T, difference.index.get_level_values("image_id").to_numpy()
    points = (100 * number for number in stats.mean(values, pictures))
    return f"{markdown.interval(points, digits=1)}, p {stats.paired_test(values, pictures):.2g}"


def rivals(bed: Bed, ours: str = "mmguard") -> str:
    """Return the gaps between other defenses and MMGuard, for each attack that it met, then for the best attacks.

    The best attack against each of two defenses is taken from those that both met.
    """
    table = bed_cells(bed)
    cells = by_names(table)
    attacks = {name: set(group["attack_label"]) for name, group in table.groupby("defense_label")}
    others = [name for name in RIVALS if name in attacks]

    def best_against(name: str, other: str) -> pd.Series:
        both = table[(table["defense_label"] == name) & table["attack_label"].isin(attacks[name] & attacks[other])]
        return both.sort_values(["validation", "protection"], ascending=[False, True], kind="stable").iloc[0]

    def rows() -> Iterator[list[str]]:
        for attack in published_set():
            if attack in attacks[ours]:
                pairs = ((cells.get((name, attack)), cells[ours, attack]) for name in others)
                yield [f"`{attack}`", *("" if theirs is None else accuracy_gap(theirs, own) for theirs, own in pairs)]
        gaps = (accuracy_gap(best_against(name, ours), best_against(ours, name)) for name in others)
        yield ["**the best against each**", *gaps]

    return markdown.table(["attack", *code(others)], rows())


def loss_from_clean(bed: Bed) -> str:
    """Return the points of accuracy that each release costs an attack, compared with the same attack on clean data."""
    table = bed_cells(bed)
    cells = by_names(table)
    clean = by_names(bed_cells(bed._replace(threat="white")))  # clean data have no box, and are played in this one
    attacks = [attack for attack in published_set() if attack in (PLAIN, "full_sft") or REMOVE_WORDS in attack]

    def rows() -> Iterator[list[str]]:
        for defense in table.loc[table["defense_label"] != "none", "defense_label"].unique():
            pairs = ((clean["none", attack], cells.get((defense, attack))) for attack in attacks)
            yield [f"`{defense}`", *("" if cell is None else accuracy_gap(plain, cell) for plain, cell in pairs)]

    return markdown.table(["defense", *code(attacks)], rows())


def by_seed(bed: Bed) -> str:
    """Return the protection with each seed alone and with all: under the plain attack and under chosen ones.

    A chosen attack is best by validation accuracy against at least one defense.
    """
    alone = [by_names(bed_cells(bed._replace(seeds=(seed,)))) for seed in bed.seeds]
    together = bed_cells(bed).sort_values(["place", "plain"], ascending=[True, False])
    chosen = {PLAIN, *together.loc[together["worst"], "attack_label"]}

    def rows() -> Iterator[list[str]]:
        for (defense, attack), cell in by_names(together[together["attack_label"].isin(chosen)]).items():
            seeds = (protection(cells[defense, attack]) for cells in alone)
            yield [f"`{attack}`", f"`{defense}`", *seeds, marked_protection(cell)]

    return markdown.table(["attack", "defense", *(f"seed {seed}" for seed in bed.seeds), "together"], rows())


def other_attacks() -> str:
    """Return the protection under attacks outside the standard set, in the order of what they cost on clean data."""
    frame = select_comparable(published_runs())
    in_bed = (frame["dataset"] == WHITE.dataset) & (frame["threat"] == WHITE.threat) & (frame["seed"] == 0)
    table = compute_cells(frame[in_bed & ~frame["attack_label"].isin(published_set())])
    table = table.assign(text=[protection(cell) for _, cell in table.iterrows()])
    defenses = ("none", "em", "hypo", "multimodal", "mmguard")
    wide = table.pivot_table(index="attack_label", columns="defense_label", values="text", aggfunc="first")
    attacks = table[table["defense"] == "none"].sort_values("protection", kind="stable")["attack_label"]
    rows = ([f"`{attack}`", *wide.loc[attack].reindex(defenses).fillna("")] for attack in attacks)
    return markdown.table(["attack", *code(defenses)], rows)


def upper_bound() -> str:
    """Return the protection of `wrong_answers`, the control that attacks on answers must break, under each attack."""
    frame = published_runs()
    cells = compute_cells(frame[(frame["defense"] == UPPER_BOUND) & (frame["seed"] == 0)])
    rows = ((f"`{cell['attack_label']}`", protection(cell)) for _, cell in cells.iterrows())
    return markdown.table(("attack", f"protection of `{UPPER_BOUND}`"), rows)


def coverage() -> str:
    """Return how many of the runs that the suite plans are published, by data set, box and seed."""
    suite = read_suite("embedded").runs()
    planned = pd.DataFrame([run.model_dump() | {"attack_label": format_attack(run.attack)} for run in suite])
    keys = ["dataset", "threat", "seed"]
    columns = [*published_set(), "others"]

    def count(frame: pd.DataFrame) -> pd.Series:
        column = frame["attack_label"].where(frame["attack_label"].isin(columns), "others")
        return frame.assign(column=column).groupby([*keys, "column"]).size()

    to_play, played = count(planned), count(published_runs())

    def rows() -> Iterator[list[str]]:
        for bed in planned[keys].drop_duplicates().itertuples(index=False):
            counts = [(played.get((*bed, column), 0), to_play.get((*bed, column), 0)) for column in columns]
            yield [*map(str, bed), *(f"{done} of {total}" if total else "" for done, total in counts)]

    return markdown.table(["data set", "box", "seed", *code(columns)], rows())


TABLES = {
    "on clean data": on_clean_data,
    "other attacks": other_attacks,
    "white": lambda: matrix(WHITE),
    "upper bound": upper_bound,
    "white, loss from clean": lambda: loss_from_clean(WHITE),
    "black": lambda: matrix(BLACK),
    "black, loss from clean": lambda: loss_from_clean(BLACK),
    "white, rivals": lambda: rivals(WHITE),
    "black, rivals": lambda: rivals(BLACK),
    "white, three seeds": lambda: matrix(WHITE_SEEDS),
    "white, by seed": lambda: by_seed(WHITE_SEEDS),
    "white, three seeds, rivals": lambda: rivals(WHITE_SEEDS),
    "white, three seeds, loss from clean": lambda: loss_from_clean(WHITE_SEEDS),
    "black, three seeds": lambda: matrix(BLACK_SEEDS),
    "black, by seed": lambda: by_seed(BLACK_SEEDS),
    "black, three seeds, rivals": lambda: rivals(BLACK_SEEDS),
    "black, three seeds, loss from clean": lambda: loss_from_clean(BLACK_SEEDS),
    "white scenes": lambda: matrix(WHITE_SCENES),
    "white scenes, rivals": lambda: rivals(WHITE_SCENES),
    "white scenes, loss from clean": lambda: loss_from_clean(WHITE_SCENES),
    "black scenes": lambda: matrix(BLACK_SCENES),
    "black scenes, rivals": lambda: rivals(BLACK_SCENES),
    "black scenes, loss from clean": lambda: loss_from_clean(BLACK_SCENES),
    "coverage": coverage,
}


def fill(page: str) -> str:
    """Return the page with its tables written anew. Raises KeyError for a name that is not in `TABLES`."""
    return TABLE.sub(lambda match: f"<!-- {match[1]} -->\n\n{TABLES[match[1]]()}\n\n<!-- end -->", page)


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
