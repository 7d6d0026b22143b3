"""Results as DataFrames: one row a run, one a (defense, attack) cell, one a ranked defense. Knows no Streamlit."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from attacks import REGISTRY as ATTACKS
from bench import results
from bench.errors import UserError
from bench.scoring.matching import EVALUATOR
from bench.scoring.protection import Score
from bench.spec import PROTOCOL
from bench.tables.summary import over_seeds

GAME = ["dataset", "victim", "threat", "surrogates", "epsilon", "words"]
"""What two runs must share for their defenses to be compared."""

TRAINER = ["dataset", "victim", "attack_label", "seed"]
"""What two runs share whose trainers do the same. Data that nobody protected knows no threat model and no budget."""

JSON = ["defense_options", "attack_options", "stealth", "cost", "stages", "provenance"]
TOO_LITTLE = "clean fine-tuning gains too little to judge"
STEALTH = ["linf", "psnr", "ssim", "perceptual", "words", "edit_distance"]
COST = ["protect", "attack"]
UTILITIES = ["utility_zero", "utility_clean", "utility"]
UNDEFENDED = "utility_undefended"

CELL: dict[str, tuple[str, str | Callable[[pd.Series], float]]] = {
    **{name: (name, "mean") for name in ["protection", "validation", *UTILITIES]},
    "low": ("protection_low", "min"),
    "high": ("protection_high", "max"),
    UNDEFENDED: (UNDEFENDED, lambda each: each.mean(skipna=False)),
    "seeds": ("seed", "nunique"),
    **{f"stealth_{name}": (f"stealth_{name}", "mean") for name in ["psnr", "ssim"]},
    **{f"stealth_{name}": (f"stealth_{name}", "max") for name in ["linf", "words"]},
    **{f"seconds_{name}": (f"seconds_{name}", "mean") for name in COST},
    "run": ("id", "last"),
}
"""Columns of a cell: what of its runs, and how the seeds are brought together."""


def runs(found: Iterable[results.Run] | None = None) -> pd.DataFrame:
    """Runs with derived columns; by default every run of the store, oldest first.

    `defense_label`, `attack_label`: names, with options where runs of one name differ in them. `stealth_*`,
    `seconds_*`: floats, NaN where not recorded. `reason`: why the run cannot be compared, or "". `utility_undefended`:
    accuracy of the same attack, with the same seed, on data that nobody protected; NaN where it was not played.
    """
    names = [column.name for column in results.Run.__table__.columns]
    found = results.load(quarantined=True) if found is None else found
    rows = [{name: getattr(run, name) for name in names} for run in found]
    frame = pd.DataFrame(rows, columns=names)
    for column in ("protection", "protection_low", "protection_high"):
        frame[column] = pd.to_numeric(frame[column])
    frame["surrogates"] = frame["surrogates"].fillna("").astype(str)
    for column in JSON:
        frame[column] = frame[column].map(lambda entry: entry if isinstance(entry, dict) else {})
    for method in ("defense", "attack"):
        frame[f"{method}_label"] = _labels(frame[method], frame[f"{method}_options"])
    for name in STEALTH:
        frame[f"stealth_{name}"] = _numbers(frame["stealth"], name)
    for name in COST:
        frame[f"seconds_{name}"] = _numbers((entry.get(name) for entry in frame["cost"]), "seconds")
    frame["reason"] = _reasons(frame)
    return frame.join(_undefended(frame), on=TRAINER)


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """The runs that may be ranked: current protocol and evaluator, eligible, and somebody attacked: no control."""
    return frame[(frame["reason"] == "") & ~frame["attack"].isin({"none", *ATTACKS.controls})]


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a (defense, attack): means over seeds; protection of all seeds' answers in one clustered bootstrap.

    Where those answers are not on this machine: the mean protection, and an interval as wide as the seeds' together.

    `answers`: the stages of each seed. `worst` marks each defense's worst case: the attack with the highest mean
    *validation* accuracy, which is all that a trainer can see. A tie goes to the lower protection. `protection` is of
    the test split, so it is not chosen on.
    """
    cell = frame.groupby(["defense_label", "attack_label"], sort=True)
    table = cell.agg(defense=("defense", "first"), **CELL)
    answers = [dict(zip(group["seed"], group["stages"], strict=True)) for _, group in cell]
    table = table.assign(answers=pd.Series(answers, table.index, dtype=object))
    for index, stages in cell["stages"]:
        score = _judged(list(stages)) if len(stages) > 1 else None
        if score is not None and score.protection is not None:
            table.loc[index, ["protection", "low", "high"]] = list(score.protection)
    table = table.reset_index().sort_values(["validation", "protection"], ascending=[False, True], kind="stable")
    table["worst"] = ~table["defense_label"].duplicated()
    return table


def ranking(table: pd.DataFrame) -> pd.DataFrame:
    """One row a defense, best first: its worst-case cell, and in `attacks` how many attacks it has met."""
    worst = table[table["worst"]].copy()
    worst["attacks"] = worst["defense_label"].map(table["defense_label"].value_counts())
    return worst.sort_values("protection", ascending=False, kind="stable").reset_index(drop=True)


def _judged(stages: list[dict[str, str]]) -> Score | None:
    """The score of several seeds; None where their answers are not here, or rows from elsewhere name none."""
    try:
        return over_seeds(stages)
    except (KeyError, OSError, TypeError, ValueError, UserError):
        return None


def _labels(names: pd.Series, options: pd.Series) -> list[str]:
    """Each name, followed by those of its options in which rows of that name differ."""
    values: dict[tuple[str, str], set[str]] = {}
    for name, group in options.groupby(names):
        for key in {key for entry in group for key in entry}:
            values[str(name), key] = {json.dumps(entry.get(key)) for entry in group}
    labels = []
    for name, entry in zip(names, options, strict=True):
        differing = [f"{key}={entry[key]}" for key in sorted(entry) if len(values[name, key]) > 1]
        labels.append(f"{name} ({', '.join(differing)})" if differing else name)
    return labels


def _reasons(frame: pd.DataFrame) -> pd.Series:
    """Why each run cannot be compared; "" where it can."""
    reason = pd.Series("", index=frame.index, dtype="str")
    reason[~frame["eligible"].astype(bool) | frame["protection"].isna()] = TOO_LITTLE
    reason[_numbers(frame["stealth"], "answers") > 0] = "the release has other answers: an upper bound, never ranked"
    for column, current in (("evaluator", EVALUATOR), ("protocol", PROTOCOL)):
        stale = f"{column} " + frame[column].astype(str) + f", current is {current}"
        reason = reason.mask(frame[column] != current, stale)
    return reason


def _undefended(frame: pd.DataFrame) -> pd.Series:
    """Test accuracy of each trainer on clean data."""
    clean = frame[(frame["defense"] == "none") & (frame["reason"] == "")]
    return clean.groupby(TRAINER)["utility"].mean().rename(UNDEFENDED)


def _numbers(entries: Iterable[Any], key: str) -> pd.Series:
    """One field of JSON objects as floats; NaN for anything else than a number."""
    values = [entry.get(key) if isinstance(entry, dict) else None for entry in entries]
    return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").astype(float)
