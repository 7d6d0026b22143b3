"""The leaderboard: defenses by their protection against all attacks below queries, and which of them tie.

A defense is ranked once it has met the whole required set with the suite's own seeds. An attack outside the set counts
where it breaks a defense, and only there. What others submit changes no rank otherwise: each pair is compared by
itself, and defenses that tie share a rank that counts as one. What only its author has played is listed without a rank,
and no number of others is computed from it.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from attacks.required import load_required
from bench.scoring import stats
from bench.scoring.protection import LISTED_SEEDS, SEEDS, VERIFIED_SEEDS
from bench.scoring.stats import Estimate
from bench.tables.answers import load_scores
from bench.tables.badges import MAINTAINERS, SELF_REPORTED, name_badge
from bench.tables.levels import LevelScore, Reference, find_clean_sides, further_attacks, score_level
from bench.tables.runs import NOT_CHECKED, TOO_LITTLE_GAIN
from defenses import REGISTRY as DEFENSES

ALPHA = 0.01
"""The p below which two defenses differ. It is not adjusted for the number of defenses: copies would change it."""

RANKED = "adaptive"
"""The level of knowledge that the rank is by."""

KNOWLEDGE = {"adaptive": "K2", "queries": "K3", "clean": "K4"}
"""The most that a trainer of a level knows. At `plain` there is one attack, and no further one counts."""


def required_attacks() -> dict[str, tuple[str, ...]]:
    """Return the attacks of the required set, in text form, by level of knowledge."""
    return {level: tuple(m.attack for m in members) for level, members in load_required().members.items()}


def compute_leaderboard(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each defense in one game's runs: ranked ones best first, then the others, then controls.

    `plain`, `adaptive`, `queries`, `clean`: protection at each level, with `_low` and `_high`; NaN where an attack of
    the level is missing or the score is not defined. `so_far`, `so_far_low`, `so_far_high`: protection against those
    attacks of the ranked level that were met. `attack`, `attack_label`: the chosen attack of the first seed. `met`,
    `of`: attacks of that level. `seeds`: those that have met them. `status`: verified, listed, control, or why there is
    no rank. `checked`: who has played it, see `bench.tables.badges`. `title`, `authors`: of its submission, or "".
    `rank`: "1", or "=1" where defenses tie. `run`: the run of the chosen attack. `evaluations`: by seed. The release
    without a defense is left out.
    """
    played = runs[runs["seed"].isin(SEEDS)]
    counted = played[played["reason"].isin(["", TOO_LITTLE_GAIN])]
    reported = played[(played["reason"] == NOT_CHECKED) & ~played["defense_label"].isin(counted["defense_label"])]
    levels = required_attacks()

    def clean_sides(game: pd.DataFrame) -> dict[str, dict[int, Reference]]:
        return {level: find_clean_sides(game, attacks) for level, attacks in levels.items()}

    of_all = clean_sides(counted)
    entries = [(entry, of_all) for _, entry in counted.groupby("defense_label", sort=True)]
    for _, entry in reported.assign(reason="").groupby("defense_label", sort=True):
        entries.append((entry, clean_sides(pd.concat([counted, entry]))))
    rows = []
    for entry, clean in entries:
        scores = {
            level: score_level(entry, attacks, clean[level], further_attacks(entry, attacks, KNOWLEDGE.get(level, "")))
            for level, attacks in levels.items()
        }
        row = {**_describe(entry), **_summarize(scores, len(levels[RANKED]))}
        if row["defense"] != "none":
            rows.append({**row, "status": _status(row), "checked": name_badge(row["origin"], row["seeds"])})
    board = pd.DataFrame(rows)
    if board.empty:
        return board
    board = board.sort_values(["so_far", "defense_label"], ascending=[False, True], kind="stable")
    is_ranked, is_control = board["status"].isin(["listed", "verified"]), board["status"] == "control"
    ranked = board[is_ranked]
    ranks = stats.rank_with_ties(find_differences(ranked))
    ranked = ranked.assign(rank=[f"={rank}" if ranks.count(rank) > 1 else str(rank) for rank in ranks])
    parts = [ranked, board[~is_ranked & ~is_control].assign(rank=""), board[is_control].assign(rank="")]
    return pd.concat([part for part in parts if not part.empty], ignore_index=True)


def sort_board(board: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return a leaderboard by another column, best first; `by` the ranked level it stays as it is.

    Whatever the column, what has no rank stands below all that have one, and controls stand last. The column
    `seconds_protect` is sorted upwards, all others downwards.
    """
    if by == RANKED:
        return board
    place = board["status"].map(lambda status: {"listed": 0, "verified": 0, "control": 2}.get(status, 1))
    upwards = [True, by == "seconds_protect"]
    return board.assign(place=place).sort_values(["place", by], ascending=upwards, kind="stable").drop(columns="place")


def find_differences(ranked: pd.DataFrame) -> np.ndarray:
    """Return (K, K) booleans, True where two defenses of the leaderboard differ significantly.

    The answers after their chosen attacks are compared in a paired test. Where too few seeds can be paired, two
    defenses differ if their intervals do not overlap.
    """
    answers = [
        {seed: load_scores(chosen.attacked) for seed, chosen in by_seed.items()} for by_seed in ranked["evaluations"]
    ]
    low, high = ranked[f"{RANKED}_low"].to_numpy(), ranked[f"{RANKED}_high"].to_numpy()
    different = np.zeros((len(answers), len(answers)), bool)
    for first, second in combinations(range(len(answers)), 2):
        value = _p_value(answers[first], answers[second])
        apart = low[first] > high[second] or low[second] > high[first]
        different[[first, second], [second, first]] = apart if value is None else value <= ALPHA
    return different


def order_attacks(cells: pd.DataFrame) -> list[str]:
    """Return the attacks of one game's cells, strongest first: by the mean protection that they leave."""
    return cells.groupby("attack_label")["protection"].mean().sort_values().index.tolist()


def order_defenses(cells: pd.DataFrame) -> list[str]:
    """Return the defenses of one game's cells, best first: by the protection against their worst attack."""
    worst = cells[cells["worst"]].sort_values("protection", ascending=False, kind="stable")
    return list(worst["defense_label"])


def _describe(runs: pd.DataFrame) -> dict[str, Any]:
    """Return what is the same under every attack: the method, and what its release changes and costs."""
    stealth = {name: runs[name].mean() for name in ("stealth_psnr", "stealth_ssim", "seconds_protect")}
    return {
        **{name: runs[name].iloc[0] for name in ("defense_label", "defense", "origin", "title", "authors")},
        **stealth,
        **{name: runs[name].max() for name in ("stealth_linf", "stealth_words")},
    }


def _summarize(scores: Mapping[str, LevelScore | None], of: int) -> dict[str, Any]:
    """Return the columns of a defense's scores; `of`: the number of attacks of the ranked level."""
    columns: dict[str, Any] = {}
    for level, scored in scores.items():
        estimate = _complete_estimate(scored)
        columns |= dict(zip((level, f"{level}_low", f"{level}_high"), estimate or (np.nan,) * 3, strict=True))
    ranked = scores[RANKED]
    if ranked is None:
        so_far = dict.fromkeys(("so_far", "so_far_low", "so_far_high"), np.nan)
        none = {"attack": "", "attack_label": "", "met": 0, "of": of, "seeds": 0, "run": "", "evaluations": {}}
        return {**columns, **so_far, **none}
    first = min(ranked.attacks)
    protection = ranked.score.protection if ranked.score else None
    return {
        **columns,
        **dict(zip(("so_far", "so_far_low", "so_far_high"), protection or (np.nan,) * 3, strict=True)),
        "attack": ranked.attacks[first],
        "attack_label": ranked.labels[first],
        "met": of - len(ranked.missing),
        "of": of,
        "seeds": len(ranked.attacks),
        "run": ranked.runs[first],
        "evaluations": ranked.evaluations,
    }


def _complete_estimate(scored: LevelScore | None) -> Estimate | None:
    """Return the protection at a level; None where an attack is missing, or where there is nothing to protect."""
    if scored is None or scored.missing or scored.score is None or not scored.score.eligible:
        return None
    return scored.score.protection


def _status(row: Mapping[str, Any]) -> str:
    """Return whether a defense is ranked, and why not."""
    if row["defense"] in DEFENSES.controls:
        return "control"
    if row["origin"] == SELF_REPORTED:
        return "not ranked: self-reported"
    if row["met"] < row["of"]:
        return f"not ranked: has met {row['met']} of {row['of']} attacks"
    if row["seeds"] < LISTED_SEEDS:
        return f"not ranked: {row['seeds']} of {LISTED_SEEDS} seeds"
    if np.isnan(row[RANKED]):
        return "not ranked: nothing to protect here, or no answers"
    return "verified" if row["seeds"] >= VERIFIED_SEEDS and row["origin"] == MAINTAINERS else "listed"


def _p_value(first: Mapping[int, pd.DataFrame | None], second: Mapping[int, pd.DataFrame | None]) -> float | None:
    """Return p for the difference of two defenses' mean scores; None where too little can be paired."""
    pairs = [(first[seed], second[seed]) for seed in sorted(set(first) & set(second))]
    paired = [(one, other) for one, other in pairs if one is not None and other is not None]
    tables = [one for one, _ in paired] + [other for _, other in paired]
    if len(paired) < LISTED_SEEDS or any(set(table.index) != set(tables[0].index) for table in tables):
        return None
    scores = np.stack([table["score"].reindex(tables[0].index).to_numpy() for table in tables])
    return stats.paired_test(scores[: len(paired)] - scores[len(paired) :], tables[0]["image_id"].to_numpy())
