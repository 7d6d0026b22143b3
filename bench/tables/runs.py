"""Rows of results as a DataFrame: one row for each run, with derived columns."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from attacks import REGISTRY as ATTACKS
from bench import results
from bench.results import published
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL

TRAINER = ["dataset", "victim", "attack_label", "seed"]
"""Columns that two runs share whose trainers do the same. Data without a defense has no threat model and no budget."""

JSON = ["defense_options", "attack_options", "stealth", "cost", "stages", "provenance"]
STEALTH = ["linf", "psnr", "ssim", "perceptual", "words", "edit_distance"]
COST = ["protect", "attack"]
UNDEFENDED = "utility_undefended"

TOO_LITTLE_GAIN = "clean fine-tuning gains too little to judge"
OTHER_ANSWERS = "the release has other answers: an upper bound, never ranked"


def load_runs() -> pd.DataFrame:
    """Return every run of the home, oldest first, as `tabulate_runs` does."""
    return tabulate_runs(results.load(quarantined=True))


def load_published_runs(folder: Path | None = None) -> pd.DataFrame:
    """Return the runs that come with the suite, or those of a folder of published results, as `tabulate_runs` does.

    Raises UserError where they are damaged.
    """
    return tabulate_runs(published.load_runs(folder))


def tabulate_runs(rows: Iterable[results.Run]) -> pd.DataFrame:
    """Return the rows with derived columns, in their order.

    `defense_label`, `attack_label`: names, with options where runs of one name differ in them. `stealth_*`,
    `seconds_*`: floats, NaN where not recorded. `reason`: why the run cannot be compared, or "". `utility_undefended`:
    accuracy of the same attack with the same seed on undefended data; NaN where it was not played.
    """
    names = [column.name for column in results.Run.__table__.columns]
    frame = pd.DataFrame([{name: getattr(row, name) for name in names} for row in rows], columns=names)
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


def select_comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that may be ranked: of the current protocol and evaluator, eligible, their attack no control."""
    return frame[(frame["reason"] == "") & ~frame["attack"].isin(ATTACKS.controls)]


def label_method(name: str, options: Mapping[str, Any]) -> str:
    """Return a method's name followed by its options.

    >>> label_method("lora_sft", {"rank": 8, "epochs": 4})
    'lora_sft (rank=8, epochs=4)'
    """
    values = ", ".join(f"{key}={value}" for key, value in options.items())
    return f"{name} ({values})" if values else name


def _labels(names: pd.Series, options: pd.Series) -> list[str]:
    """Return each name with those of its options in which rows of that name differ."""
    values: dict[tuple[str, str], set[str]] = {}
    for name, group in options.groupby(names):
        for key in {key for entry in group for key in entry}:
            values[str(name), key] = {json.dumps(entry.get(key)) for entry in group}
    labels = []
    for name, entry in zip(names, options, strict=True):
        differing = {key: entry[key] for key in sorted(entry) if len(values[name, key]) > 1}
        labels.append(label_method(name, differing))
    return labels


def _reasons(frame: pd.DataFrame) -> pd.Series:
    """Return why each run cannot be compared; "" where it can."""
    reason = pd.Series("", index=frame.index, dtype="str")
    reason[~frame["eligible"].astype(bool) | frame["protection"].isna()] = TOO_LITTLE_GAIN
    reason[_numbers(frame["stealth"], "answers") > 0] = OTHER_ANSWERS
    for column, current in (("evaluator", EVALUATOR), ("protocol", PROTOCOL)):
        stale = f"{column} " + frame[column].astype(str) + f", current is {current}"
        reason = reason.mask(frame[column] != current, stale)
    return reason


def _undefended(frame: pd.DataFrame) -> pd.Series:
    """Return the test accuracy of each trainer on data without a defense."""
    clean = frame[(frame["defense"] == "none") & (frame["reason"] == "")]
    return clean.groupby(TRAINER)["utility"].mean().rename(UNDEFENDED)


def _numbers(entries: Iterable[Any], key: str) -> pd.Series:
    """Return one field of JSON objects as floats; NaN for anything that is no number."""
    values = [entry.get(key) if isinstance(entry, dict) else None for entry in entries]
    return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").astype(float)
