"""Write the tables of docs/findings.md: what the answers that protocol 1 kept say under the score of protocol 2.

`python -m reports.protocol1` judges the published rows of protocol 1 again. Nothing is trained again. The rows are in
quarantine: their defenses and attacks have changed since. Each attack on a release stands beside the same attack, with
the same seed, on clean data; the best on validation is taken on both sides. The baseline is zero-shot accuracy alone,
because training on format alone was not played then.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from bench.results import published
from bench.scoring.protection import Score
from bench.tables.runs import tabulate_runs
from bench.tables.seeds import Evaluations, score_seeds
from reports import markdown

PAGE = Path(__file__).parents[1] / "docs" / "findings.md"
TABLE = re.compile(r"<!-- (.+?) -->\n.*?<!-- end -->", re.S)
PLAIN = ("lora_sft",)
SET = (
    "lora_sft",
    "full_sft",
    "lora_sft+jpeg(quality=30)",
    "lora_sft+crop_color",
    "lora_sft+drop_inserted",
    "lora_sft+jpeg(quality=30)+drop_inserted",
    "full_sft+jpeg(quality=30)+drop_inserted",
)
"""The attacks of protocol 1's standard set that are still in use, without queries and without clean samples."""

BEDS = (("emoji_catalog", "white"), ("emoji_catalog", "black"), ("scenes", "white"), ("scenes", "black"))
DEFENSES = (
    "mmguard",
    "mmguard_crs",
    "multimodal",
    "em",
    "hypo",
    "random_noise",
    "random_noise_class",
    "random_trigger",
)


def load_rows() -> pd.DataFrame:
    """Return the published rows of protocol 1, each with `clean`: the row of its attack and seed on clean data."""
    frame = tabulate_runs(run for run in published.load_runs() if run.protocol == 1)
    frame = frame[frame["attack_text"].isin(SET)]
    trainer = ["dataset", "victim", "attack_text", "seed"]
    clean = frame[frame["defense"] == "none"].drop_duplicates(trainer)
    return frame.merge(clean[[*trainer, "stages", "validation"]], on=trainer, suffixes=("", "_undefended"))


def score_best(rows: pd.DataFrame, attacks: Sequence[str]) -> Score | None:
    """Return the score of one release against the best of some attacks, chosen on validation on both sides.

    Seeds that have not met all of them are left out; None where no seed has.
    """
    seeds = []
    for _, played in rows[rows["attack_text"].isin(attacks)].groupby("seed"):
        if set(played["attack_text"]) == set(attacks):
            attacked = played.iloc[played["validation"].argmax()]["stages"]
            clean = played.iloc[played["validation_undefended"].argmax()]["stages_undefended"]
            seeds.append(Evaluations(attacked["zero"], clean["evaluate"], attacked["evaluate"]))
    return score_seeds(seeds) if seeds else None


def tabulate(rows: pd.DataFrame) -> Iterator[list[str]]:
    """Yield a row for each bed and defense: its seeds, and protection against plain fine-tuning and the best attack."""
    for dataset, threat in BEDS:
        bed = rows[(rows["dataset"] == dataset) & (rows["threat"] == threat)]
        for defense in DEFENSES:
            own = _without_words(bed[bed["defense_label"] == defense])
            plain, best = (score_best(own, attacks) for attacks in (PLAIN, SET))
            if best is not None and plain is not None and plain.protection and best.protection:
                seeds = own.groupby("seed")["attack_text"].apply(set) == set(SET)
                yield [
                    f"{dataset}, {threat}", f"`{defense}`", str(int(seeds.sum())),
                    markdown.interval(plain.protection), markdown.interval(best.protection),
                ]  # fmt: skip


def _without_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a defense; where it inserts no words, removing them is the same attack without that part."""
    if rows.empty or rows["stealth_words"].max() > 0:
        return rows
    added = []
    for attack in SET:
        twin = rows[rows["attack_text"] == attack.replace("+drop_inserted", "")]
        seeds = set(rows.loc[rows["attack_text"] == attack, "seed"])
        added.append(twin[~twin["seed"].isin(seeds)].assign(attack_text=attack))
    return pd.concat([rows, *added]).drop_duplicates(["attack_text", "seed"])


def fill(text: str) -> str:
    """Return the page with its tables written anew. Raises KeyError for the name of no table."""
    titles = ("bed", "release", "seeds", "plain fine-tuning", "best of seven attacks")
    tables = {"best against best": lambda: markdown.table(titles, tabulate(load_rows()))}
    return TABLE.sub(lambda match: f"<!-- {match[1]} -->\n\n{tables[match[1]]()}\n\n<!-- end -->", text)


def main(pages: Iterable[Path] = (PAGE,)) -> None:
    """Write the tables of the pages."""
    for page in pages:
        page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
