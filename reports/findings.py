"""The tables of docs/findings.md, from the published results: python reports/findings.py

Each stands between `<!-- name -->` and `<!-- end -->`; the text around them is people's and stays as it is.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from attacks.grammar import BEST, members, written
from bench.game.suite import read
from bench.results import published
from bench.scoring import stats
from bench.scoring.frontier import PLAIN
from bench.scoring.smells import UPPER_BOUND
from bench.spec import Method
from bench.tables import data

PAGE = Path(__file__).parents[1] / "docs" / "findings.md"
MARK = re.compile(r"<!-- (.+?) -->\n.*?<!-- end -->", re.S)
REMOVER = "+drop_inserted"
RIVALS = ("multimodal", "mmguard_crs", "em", "hypo", "text_trigger", "random_trigger")
"""What MMGuard is compared with: its ablations, noise without adaptation, and five random words."""


class Bed(NamedTuple):
    """Where a game is played. With several seeds: only what was played with each of them counts."""

    dataset: str
    threat: str
    seeds: tuple[int, ...] = (0,)


WHITE, BLACK = Bed("emoji_catalog", "white"), Bed("emoji_catalog", "black")
SEEDS, BLACK_SEEDS = (bed._replace(seeds=(0, 1, 2)) for bed in (WHITE, BLACK))
SCENES, BLACK_SCENES = (bed._replace(dataset="scenes") for bed in (WHITE, BLACK))


@cache
def runs() -> pd.DataFrame:
    """The published runs; an attack's label is how it is written."""
    frame = data.runs(published.runs())
    pairs = zip(frame["attack"], frame["attack_options"], strict=True)
    return frame.assign(attack_label=[written(Method(name=name, options=options)) for name, options in pairs])


@cache
def cells(bed: Bed) -> pd.DataFrame:
    """One row a defense and an attack of the standard set, in its order; the strongest defense first."""
    frame = data.comparable(runs())
    there = (frame["dataset"] == bed.dataset) & (frame["threat"] == bed.threat) & frame["seed"].isin(bed.seeds)
    frame = frame[there & frame["attack_label"].isin(members(BEST))]
    often = frame.groupby(["defense_label", "attack_label"])["seed"].transform("nunique")
    table = with_twins(data.cells(frame[often == len(bed.seeds)]), bed)
    plain = table[table["attack_label"] == PLAIN].set_index("defense_label")["protection"]
    rank = {name: place for place, name in enumerate(members(BEST))}
    table = table.assign(plain=table["defense_label"].map(plain), place=table["attack_label"].map(rank))
    return table.sort_values(["plain", "place"], ascending=[False, True])


def with_twins(table: pd.DataFrame, bed: Bed) -> pd.DataFrame:
    """Cells of what removes words on releases that have none: those of the attack without it, where it removes nothing.

    That is so where both gave the same answers after clean data, with each seed.
    """
    here = runs()[lambda frame: (frame["dataset"] == bed.dataset) & frame["seed"].isin(bed.seeds)]
    clean = dict(iter(here[here["defense"] == "none"].set_index("seed").groupby("attack_label")["stages"]))
    twins = {attack: attack.replace(REMOVER, "") for attack in members(BEST) if REMOVER in attack}
    twins = {a: o for a, o in twins.items() if {a, o} <= clean.keys() and same_answers(clean[a], clean[o], bed.seeds)}
    wordless = table[table["stealth_words"] == 0]
    made = [wordless[wordless["attack_label"] == o].assign(attack_label=a, worst=False) for a, o in twins.items()]
    return pd.concat([table, *made]).drop_duplicates(["defense_label", "attack_label"])


def same_answers(one: pd.Series, other: pd.Series, seeds: Iterable[int]) -> bool:
    """Whether two attacks, by the stages of each seed, gave the same test answers with all these seeds."""

    def said(stages: pd.Series, seed: int) -> list[str] | None:
        table = published.answers(stages[seed]["evaluate"]) if seed in stages else None
        return None if table is None else table.sort_values("id")["prediction"].tolist()

    return all(said(one, seed) is not None and said(one, seed) == said(other, seed) for seed in seeds)


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def told(protection: float, low: float, high: float) -> str:
    """A protection with its interval."""
    return f"{protection:+.2f} [{low:+.2f}, {high:+.2f}]"


def score(cell: pd.Series) -> str:
    """The protection of a cell; bold where a trainer would choose its attack on validation."""
    text = told(cell["protection"], cell["low"], cell["high"])
    return f"**{text}**" if cell["worst"] else text


def on_clean_data() -> str:
    """Cost over lora_sft, median over the releases that met both, and what each attack does to a clean release."""
    frame = data.comparable(runs())
    frame = frame[(frame["dataset"] == WHITE.dataset) & (frame["seed"] == 0)]
    seconds = frame.pivot_table(index=["defense", "threat"], columns="attack_label", values="seconds_attack")
    cost = seconds.div(seconds[PLAIN], axis=0).median()
    undefended = frame[(frame["defense"] == "none") & (frame["threat"] == WHITE.threat)]
    clean = data.cells(undefended).set_index("attack_label").sort_values("protection", kind="stable")
    rows = (
        (f"`{a}`", f"{cost[a]:.1f}", f"{c['utility']:.1%}", told(c["protection"], c["low"], c["high"]))
        for a, c in clean.iterrows()
    )
    return markdown(("attack", "cost", "accuracy on clean data", "share of the clean gain that it costs"), rows)


def protection(bed: Bed) -> str:
    """One line a defense, one column an attack of the standard set; empty where it was not played."""
    table = cells(bed)
    attacks = [attack for attack in members(BEST) if attack in set(table["attack_label"])]

    def rows() -> Iterator[list[str]]:
        for defense, group in table.groupby("defense_label", sort=False):
            by = group.set_index("attack_label")
            yield [f"`{defense}`", *(score(by.loc[a]) if a in by.index else "" for a in attacks)]

    return markdown(["defense", *(f"`{attack}`".replace("+", "` `+") for attack in attacks)], rows())


def answers(stages: dict[int, dict[str, str]]) -> pd.DataFrame:
    """Score of each test item, one column a seed; the index is the item and its picture."""
    each = {seed: published.answers(names["evaluate"]) for seed, names in stages.items()}
    return pd.concat({s: t.set_index(["id", "image_id"])["score"] for s, t in each.items() if t is not None}, axis=1)


def gap(theirs: pd.Series, ours: pd.Series) -> str:
    """Points of accuracy that another release gives away beyond ours, paired by item, and p of this one alone."""
    difference = answers(theirs["answers"]) - answers(ours["answers"])
    values, pictures = difference.to_numpy().T, difference.index.get_level_values("image_id").to_numpy()
    value, low, high = (100 * number for number in stats.mean(values, pictures))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}], p {stats.paired(values, pictures):.2g}"


def rivals(bed: Bed, ours: str = "mmguard") -> str:
    """One line an attack that MMGuard met, and one for the best against each of those that both met."""
    table = cells(bed)
    by = {name: group.set_index("attack_label") for name, group in table.groupby("defense_label", sort=False)}
    names = [name for name in RIVALS if name in by]

    def best(name: str, other: str) -> pd.Series:
        own = by[name].loc[by[name].index.intersection(by[other].index)]
        return own.sort_values(["validation", "protection"], ascending=[False, True], kind="stable").iloc[0]

    rows = [
        [f"`{a}`", *(gap(by[n].loc[a], by[ours].loc[a]) if a in by[n].index else "" for n in names)]
        for a in by[ours].sort_values("place").index
    ]
    last = ["**the best against each**", *(gap(best(n, ours), best(ours, n)) for n in names)]
    return markdown(["attack", *(f"`{name}`" for name in names)], [*rows, last])


def beside_clean(bed: Bed) -> str:
    """Points of accuracy that a release costs each trainer beside the same attack on clean data, which has no box."""
    table = cells(bed).set_index(["defense_label", "attack_label"])
    clean = cells(bed._replace(threat="white")).set_index(["defense_label", "attack_label"]).loc["none"]
    attacks = [attack for attack in members(BEST) if attack in (PLAIN, "full_sft") or REMOVER in attack]

    def rows() -> Iterator[list[str]]:
        for name in table.index.unique(0).drop("none", errors="ignore"):
            keys = [(name, attack) for attack in attacks]
            yield [f"`{name}`", *(gap(clean.loc[k[1]], table.loc[k]) if k in table.index else "" for k in keys)]

    return markdown(["defense", *(f"`{attack}`".replace("+", "` `+") for attack in attacks)], rows())


def by_seed(bed: Bed) -> str:
    """One line a defense under the plain attack, and under those a trainer would choose: each seed, then together."""
    each = [cells(bed._replace(seeds=(seed,))).set_index(["attack_label", "defense_label"]) for seed in bed.seeds]
    together = cells(bed).sort_values(["place", "plain"], ascending=[True, False])
    chosen = {PLAIN, *together.loc[together["worst"], "attack_label"]}
    together = together[together["attack_label"].isin(chosen)]

    def rows() -> Iterator[list[str]]:
        for _, cell in together.iterrows():
            key = (cell["attack_label"], cell["defense_label"])
            alone = (told(*table.loc[key, ["protection", "low", "high"]]) for table in each)
            yield [f"`{key[0]}`", f"`{key[1]}`", *alone, score(cell)]

    return markdown(["attack", "defense", *(f"seed {seed}" for seed in bed.seeds), "together"], rows())


def outside() -> str:
    """Attacks that are not in the standard set, on the releases that met them; by what they do to clean data."""
    frame = data.comparable(runs())
    there = (frame["dataset"] == WHITE.dataset) & (frame["threat"] == WHITE.threat) & (frame["seed"] == 0)
    table = data.cells(frame[there & ~frame["attack_label"].isin(members(BEST))])
    table = table.assign(shown=[told(*c) for c in table[["protection", "low", "high"]].itertuples(index=False)])
    names = ("none", "em", "hypo", "multimodal", "mmguard")
    wide = table.pivot_table(index="attack_label", columns="defense_label", values="shown", aggfunc="first")
    clean = table[table["defense"] == "none"].sort_values("protection", kind="stable")["attack_label"]
    rows = ([f"`{attack}`", *wide.loc[attack].reindex(names).fillna("")] for attack in clean)
    return markdown(["attack", *(f"`{name}`" for name in names)], rows)


def upper_bound() -> str:
    """What each attack leaves of `wrong_answers`, the control that attacks on answers must break."""
    frame = data.cells(runs()[lambda frame: (frame["defense"] == UPPER_BOUND) & (frame["seed"] == 0)])
    rows = ((f"`{c['attack_label']}`", told(c["protection"], c["low"], c["high"])) for _, c in frame.iterrows())
    return markdown(("attack", f"protection of `{UPPER_BOUND}`"), rows)


def coverage() -> str:
    """Runs that were played of those that the suite plans, by data set, box and seed."""
    specs = pd.DataFrame([s.model_dump() | {"attack_label": written(s.attack)} for s in read("embedded").runs()])
    keys = ["dataset", "threat", "seed"]
    columns = [*members(BEST), "others"]

    def tally(frame: pd.DataFrame) -> pd.Series:
        kind = frame["attack_label"].where(frame["attack_label"].isin(columns), "others")
        return frame.assign(kind=kind).groupby([*keys, "kind"]).size()

    planned, played = tally(specs), tally(runs())

    def rows() -> Iterator[list[str]]:
        for place in specs[keys].drop_duplicates().itertuples(index=False):
            counts = [(played.get((*place, kind), 0), planned.get((*place, kind), 0)) for kind in columns]
            yield [*map(str, place), *(f"{a} of {b}" if b else "" for a, b in counts)]

    return markdown(["data set", "box", "seed", *(f"`{name}`".replace("+", "` `+") for name in columns)], rows())


TABLES = {
    "on clean data": on_clean_data,
    "white": lambda: protection(WHITE),
    "outside": outside,
    "upper bound": upper_bound,
    "black": lambda: protection(BLACK),
    "white beside clean": lambda: beside_clean(WHITE),
    "black beside clean": lambda: beside_clean(BLACK),
    "white rivals": lambda: rivals(WHITE),
    "black rivals": lambda: rivals(BLACK),
    "white seeds": lambda: protection(SEEDS),
    "white spread": lambda: by_seed(SEEDS),
    "white seeds rivals": lambda: rivals(SEEDS),
    "white seeds beside clean": lambda: beside_clean(SEEDS),
    "black seeds": lambda: protection(BLACK_SEEDS),
    "black spread": lambda: by_seed(BLACK_SEEDS),
    "black seeds rivals": lambda: rivals(BLACK_SEEDS),
    "black seeds beside clean": lambda: beside_clean(BLACK_SEEDS),
    "white scenes": lambda: protection(SCENES),
    "white scenes rivals": lambda: rivals(SCENES),
    "white scenes beside clean": lambda: beside_clean(SCENES),
    "black scenes": lambda: protection(BLACK_SCENES),
    "black scenes rivals": lambda: rivals(BLACK_SCENES),
    "black scenes beside clean": lambda: beside_clean(BLACK_SCENES),
    "coverage": coverage,
}


def filled(text: str) -> str:
    """The page with its tables as they are now. Raises KeyError for a mark that names no table."""
    return MARK.sub(lambda found: f"<!-- {found[1]} -->\n\n{TABLES[found[1]]()}\n\n<!-- end -->", text)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
