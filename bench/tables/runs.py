"""Rows of results as a DataFrame: one row for each run, with derived columns."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from attacks import REGISTRY as ATTACKS
from attacks.grammar import format_attack
from bench.results import Run, checked, entries, load, published
from bench.results.entries import EntryCard
from bench.scoring.matching import EVALUATOR
from bench.scoring.protection import choose_baseline
from bench.spec import PROTOCOL, Method
from bench.tables.badges import HERE, MAINTAINERS, SELF_REPORTED
from bench.tables.distrust import read_or_none
from bench.tables.seeds import select_evaluations

JSON = ["defense_options", "attack_options", "stealth", "cost", "stages", "baselines", "provenance"]
STEALTH = ["linf", "psnr", "ssim", "perceptual", "words", "edit_distance"]
COST = ["protect", "attack"]
TOO_LITTLE_GAIN = "clean data gain this trainer too little to judge"
OTHER_ANSWERS = "the release has other answers: an upper bound, never ranked"
NOT_CHECKED = "self-reported: not compared before the maintainers have played it"


def load_runs() -> pd.DataFrame:
    """Return every run of the home, oldest first, as `tabulate_runs` does."""
    return tabulate_runs(load(quarantined=True), cards=entries.load_cards())


def load_published_runs(folder: Path | None = None) -> pd.DataFrame:
    """Return the runs that come with the suite, or those of a folder of published results, as `tabulate_runs` does.

    Raises UserError where they are damaged.
    """
    rows = published.load_runs(folder)
    known = checked.find_checked(rows, folder)
    cards = entries.check_cards((published.read_provenance(folder) or {}).get("entries"))
    return tabulate_runs(rows, [MAINTAINERS if row.id in known else SELF_REPORTED for row in rows], cards)


def tabulate_runs(
    rows: Iterable[Run], origins: Sequence[str] | None = None, cards: Mapping[str, EntryCard] | None = None
) -> pd.DataFrame:
    """Return the rows with derived columns, in their order.

    `defense_label`, `attack_label`: names, with options where runs of one name differ in them. `attack_text`: the
    attack with all its options, as on the command line. `evaluations`: the `Evaluations` that the score compares, None
    where a row does not name them. `utility_baseline`: the accuracy of the best baseline, NaN where there is none.
    `stealth_*`, `seconds_*`: floats, NaN where not recorded. `reason`: why the run cannot be compared, or "".
    `origin`: who has played each run, of `origins`; by default this machine. `title`, `authors`, and for the attack
    `attack_title`, `attack_authors`: those of `cards`, by the identity of the entry; "" where there are none.
    """
    names = [column.name for column in Run.__table__.columns]
    frame = pd.DataFrame([{name: getattr(row, name) for name in names} for row in rows], columns=names)
    for column in ("protection", "protection_low", "protection_high"):
        frame[column] = pd.to_numeric(frame[column])
    frame["surrogates"] = frame["surrogates"].fillna("").astype(str)
    for column in JSON:
        frame[column] = frame[column].map(lambda entry: entry if isinstance(entry, dict) else {})
    defenses = zip(frame["defense"], frame["defense_options"], strict=True)
    frame["defense_label"] = [label_method(name, options) for name, options in defenses]
    methods = zip(frame["attack"], frame["attack_options"], strict=True)
    frame["attack_text"] = [_attack_text(name, options) for name, options in methods]
    frame["attack_label"] = frame["attack_text"]
    columns = zip(frame["stages"], frame["baselines"], strict=True)
    evaluations = [read_or_none(partial(select_evaluations, *pair)) for pair in columns]
    frame["evaluations"] = pd.Series(evaluations, frame.index, dtype=object)
    for name in STEALTH:
        frame[f"stealth_{name}"] = _numbers(frame["stealth"], name)
    for name in COST:
        frame[f"seconds_{name}"] = _numbers((entry.get(name) for entry in frame["cost"]), "seconds")
    frame["utility_baseline"] = [_baseline(entry) for entry in frame["baselines"]]
    for prefix, method, identify in (
        ("", "defense", entries.identify_defense),
        ("attack_", "attack", entries.identify_attack),
    ):
        methods = zip(frame[method], frame[f"{method}_options"], strict=True)
        texts = [(cards or {}).get(read_or_none(partial(identify, *pair)) or "") for pair in methods]
        frame[f"{prefix}title"] = [card.title if card else "" for card in texts]
        frame[f"{prefix}authors"] = [", ".join(card.authors) if card else "" for card in texts]
    frame["origin"] = HERE if origins is None else list(origins)
    frame["reason"] = _reasons(frame)
    return frame


def select_comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that may be ranked: of the current protocol and evaluator, eligible, their attack no control."""
    return frame[(frame["reason"] == "") & ~frame["attack"].isin(ATTACKS.controls)]


def label_method(name: str, options: Mapping[str, Any]) -> str:
    """Return a method's name followed by its options.

    >>> label_method("lora_sft", {"rank": 8, "epochs": 4})
    'lora_sft (epochs=4, rank=8)'
    """
    values = ", ".join(f"{key}={value}" for key, value in sorted(options.items()))
    return f"{name} ({values})" if values else name


def _reasons(frame: pd.DataFrame) -> pd.Series:
    """Return why each run cannot be compared; "" where it can."""
    reason = pd.Series("", index=frame.index, dtype="str")
    reason[~frame["eligible"].astype(bool) | frame["protection"].isna()] = TOO_LITTLE_GAIN
    reason[frame["origin"] == SELF_REPORTED] = NOT_CHECKED
    reason[_numbers(frame["stealth"], "answers") > 0] = OTHER_ANSWERS
    for column, current in (("evaluator", EVALUATOR), ("protocol", PROTOCOL)):
        stale = f"{column} " + frame[column].astype(str) + f", current is {current}"
        reason = reason.mask(frame[column] != current, stale)
    return reason


def _attack_text(name: str, options: Mapping[str, Any]) -> str:
    """Return the text form of an attack; of a row from elsewhere that names none, its name and options."""
    text = read_or_none(lambda: format_attack(Method(name=name, options=dict(sorted(options.items())))))
    return text or label_method(name, options)


def _baseline(baselines: Any) -> float:
    """Return the test accuracy of the best of a run's baselines; NaN where it has none, or they cannot be read."""
    accuracy = read_or_none(lambda: float(baselines[choose_baseline(baselines)]["test"]))
    return float("nan") if accuracy is None else accuracy


def _numbers(entries: Iterable[Any], key: str) -> pd.Series:
    """Return one field of JSON objects as floats; NaN for anything that is no number."""
    values = [entry.get(key) if isinstance(entry, dict) else None for entry in entries]
    return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").astype(float)
