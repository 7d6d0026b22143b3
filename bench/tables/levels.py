"""The score of a defense against a set of attacks: the best on validation with the release, and with clean data."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any, NamedTuple

import pandas as pd

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from bench.scoring.protection import Score
from bench.tables.distrust import read_or_none
from bench.tables.methods import read_knowledge
from bench.tables.runs import TOO_LITTLE_GAIN
from bench.tables.seeds import Evaluations, score_seeds

SHORTLIST = 4
"""Attacks of a set, besides the plain one, that every seed after the fullest must have met."""


CLEAR = 0.05
"""Share of the clean gain by which an attack outside a set must leave more on validation than the set itself.

It is about twice the standard error of two accuracies on a few hundred questions: without it, each attack that somebody
adds would be one more draw of the same chance.
"""

COMPARED = [
    "id", "defense_label", "attack_label", "attack_text", "seed", "validation", "validation_clean", "utility",
    "baselines", "stages", "reason", "evaluations",
]  # fmt: skip
"""Columns of a run that a choice of attacks reads."""

Row = Mapping[str, Any]
"""Those columns of one run."""


class Reference(NamedTuple):
    """The accuracy on validation, and the evaluation on the test split, of a model that knows less of the release."""

    validation: float
    evaluation: str


class LevelScore(NamedTuple):
    """A defense against a set of attacks, over the seeds that have met enough of them.

    score: None where the answers are not on this machine. attacks: by seed, the attack that was chosen with the
    release, in text form. evaluations: by seed, what the score compares. missing: attacks of the set that the fullest
    seed has not met. shortlist: attacks that every other seed must have met. runs, labels: by seed, the identity of the
    chosen attack's run, and its label in the game.
    """

    score: Score | None
    attacks: dict[int, str]
    evaluations: dict[int, Evaluations]
    missing: tuple[str, ...]
    shortlist: tuple[str, ...]
    runs: dict[int, str]
    labels: dict[int, str]


def score_level(
    runs: pd.DataFrame,
    attacks: Sequence[str],
    clean_sides: Mapping[int, Reference] | None = None,
    further: Sequence[str] = (),
) -> LevelScore | None:
    """Score one defense of one game against `attacks`, in text form; `runs` are its rows of `tabulate_runs`.

    For each seed a trainer chooses by accuracy on validation alone: an attack on the release, an attack on clean data,
    and a baseline. Both attacks come from the same set; of equal ones the earlier in the set is chosen. An attack whose
    clean gain is too small to be judged alone still counts: on validation it cannot win by being bad.

    The seed that met most attacks gives the shortlist: the first attack of the set and the four that are best with the
    release on validation. Attacks with equal accuracies, as where no words were inserted that one of them could drop,
    count as the first of them. Another seed counts if it has met these, and if the same attack brings its best
    baseline: what a trainer's clean samples give is taken off at every seed. `clean_sides`: by seed, the best clean
    side of the whole game (`find_clean_sides`), since clean data are the same for every defense; by default of `runs`.
    `further`: attacks outside the set. One counts for a seed, with its own clean side and baselines, where that leaves
    clearly less protection on validation than the set alone (`CLEAR`); otherwise it is as if it had not been played.
    Returns None where no attack of the set was met.
    """
    met = _rows_of_set(runs, attacks)
    if not met:
        return None
    by_seed = _split_seeds(met)
    fullest = max(by_seed.values(), key=len)
    texts, baselines = _texts(fullest), _best_baselines(fullest)
    distinct = _drop_repeated(fullest, ("validation", "utility"))
    strongest = sorted(distinct, key=_validation, reverse=True)[:SHORTLIST]
    shortlist = (_texts(strongest) | {attacks[0]}) & texts
    by_seed = {
        seed: rows for seed, rows in by_seed.items() if shortlist <= _texts(rows) and baselines & _best_baselines(rows)
    }
    best_clean = _best_clean_sides(met) if clean_sides is None else clean_sides
    others = _split_seeds(_rows_of_set(runs, further))
    choices = {seed: _choose(rows, best_clean[seed], others.get(seed, [])) for seed, rows in by_seed.items()}
    attacked = {seed: choice.row for seed, choice in choices.items()}
    evaluations = {seed: choice.evaluations for seed, choice in choices.items()}
    return LevelScore(
        score=read_or_none(partial(score_seeds, tuple(evaluations.values()))),
        attacks={seed: row["attack_text"] for seed, row in attacked.items()},
        evaluations=evaluations,
        missing=tuple(attack for attack in attacks if attack not in texts),
        shortlist=tuple(attack for attack in attacks if attack in shortlist),
        runs={seed: row["id"] for seed, row in attacked.items()},
        labels={seed: row["attack_label"] for seed, row in attacked.items()},
    )


def find_clean_sides(game: pd.DataFrame, attacks: Sequence[str]) -> dict[int, Reference]:
    """Return, by seed, the clean side of `attacks` that is best on validation, whichever defense of a game met them."""
    return _best_clean_sides(_rows_of_set(game, attacks))


def further_attacks(runs: pd.DataFrame, attacks: Sequence[str], knowledge: str) -> tuple[str, ...]:
    """Return the attacks of runs that are not in a set and need no more than a level of `knowledge`, sorted.

    Controls are left out, and so is what is no attack here.
    """

    def may_be_played(text: str) -> bool:
        method = parse_attack(text)
        is_control = method.name.split("+")[0] in ATTACKS.controls
        return not is_control and read_knowledge(method) <= knowledge

    others = sorted(set(runs["attack_text"]) - set(attacks))
    return tuple(text for text in others if read_or_none(partial(may_be_played, text)))


def _rows_of_set(runs: pd.DataFrame, attacks: Sequence[str]) -> list[Row]:
    """Return the rows that count of the attacks of a set, in its order: one for each defense, seed and attack."""
    order = {attack: number for number, attack in enumerate(attacks)}
    columns = (runs[name] for name in COMPARED)
    rows = (dict(zip(COMPARED, values, strict=True)) for values in zip(*columns, strict=True))
    met = [row for row in rows if row["attack_text"] in order and _counts(row)]
    met.sort(key=lambda row: order[row["attack_text"]])
    return _drop_repeated(met, ("defense_label", "seed", "attack_text"))


def _counts(row: Row) -> bool:
    is_judged = all(pd.notna(row[name]) for name in ("validation_clean", "evaluations"))
    return is_judged and row["reason"] in ("", TOO_LITTLE_GAIN)


def _drop_repeated(rows: Iterable[Row], columns: Sequence[str]) -> list[Row]:
    """Return the first row for each combination of some columns."""
    first: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        first.setdefault(tuple(row[name] for name in columns), row)
    return list(first.values())


def _split_seeds(rows: Iterable[Row]) -> dict[int, list[Row]]:
    by_seed: dict[int, list[Row]] = {}
    for row in rows:
        by_seed.setdefault(int(row["seed"]), []).append(row)
    return dict(sorted(by_seed.items()))


def _texts(rows: Iterable[Row]) -> set[str]:
    return {row["attack_text"] for row in rows}


def _validation(row: Row) -> float:
    return float(row["validation"])


class _Choice(NamedTuple):
    """The choice of a trainer for one seed: the run of the attack, what is compared, and what is left on validation.

    left: the gain from the release over that from clean data; infinite where clean data give no gain.
    """

    row: Row
    evaluations: Evaluations
    left: float


def _best_clean_sides(met: Iterable[Row]) -> dict[int, Reference]:
    return {seed: max(map(_clean_side, rows), key=_accuracy) for seed, rows in _split_seeds(met).items()}


def _choose(members: Sequence[Row], clean: Reference, further: Iterable[Row]) -> _Choice:
    """Return the choice among the attacks of a set, or one further attack with which clearly less is protected."""
    baseline = max((found for row in members for found in _baselines(row)), key=_accuracy)
    best = of_set = _compare(max(members, key=_validation), clean, baseline)
    for row in further:
        own_clean = max(clean, _clean_side(row), key=_accuracy)
        choice = _compare(row, own_clean, max(baseline, *_baselines(row), key=_accuracy))
        best = choice if choice.left > max(best.left, of_set.left + CLEAR) else best
    return best


def _accuracy(reference: Reference) -> float:
    return reference.validation


def _clean_side(row: Row) -> Reference:
    return Reference(row["validation_clean"], row["stages"]["clean"])


def _best_baselines(rows: Iterable[Row]) -> set[str]:
    """Return the attacks of some runs of one seed whose baselines are the best on validation."""
    highest = {row["attack_text"]: max(map(_accuracy, _baselines(row))) for row in rows}
    best = max(highest.values())
    return {attack for attack, accuracy in highest.items() if accuracy == best}


def _baselines(row: Row) -> list[Reference]:
    return [Reference(found["validation"], row["stages"][role]) for role, found in row["baselines"].items()]


def _compare(row: Row, clean: Reference, baseline: Reference) -> _Choice:
    """Compare the run of an attack with clean data and a baseline, of one seed."""
    gain = clean.validation - baseline.validation
    left = (row["validation"] - baseline.validation) / gain if gain > 0 else inf
    return _Choice(row, Evaluations(baseline.evaluation, clean.evaluation, row["stages"]["evaluate"]), left)
