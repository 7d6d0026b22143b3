"""Victims and data sets: what is known of each by its card, and what runs have measured on them."""

import pandas as pd

from attacks.required import load_required
from bench.datasets import cards
from bench.victims import ASSEMBLED, EMBEDDED, HUB, read_card


def tabulate_victims(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each victim of the catalog, then for others in the runs; `runs` of `tabulate_runs`.

    millions: its parameters; accuracy: the share of its exam's questions about names that it answers, both NaN where no
    card says so; licence: "" where none is known; runs: in how many it was trained.
    """
    counts = runs["victim"].value_counts()
    rows = []
    made = {name: (victim.architecture, f"made from {victim.source}") for name, victim in ASSEMBLED.items()}
    for name, (family, source) in ({n: (f, "comes with the suite") for n, f in EMBEDDED.items()} | made).items():
        card = read_card(name)
        rows.append((name, family, source, card["parameters"] / 1e6, card["accuracy"]["name"], "Apache-2.0"))
    rows += [(name, "", f"{hub.source}, {hub.gigabytes:g} GB", None, None, hub.licence) for name, hub in HUB.items()]
    known = {row[0] for row in rows}
    rows += [(name, "", "", None, None, "") for name in sorted(set(runs["victim"]) - known)]
    table = pd.DataFrame(rows, columns=["victim", "family", "source", "millions", "accuracy", "licence"])
    table = table.astype({"millions": float, "accuracy": float})
    return table.assign(runs=table["victim"].map(counts).fillna(0).astype(int))


def tabulate_datasets(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each data set of the catalog, then for others in the runs; `runs` of `tabulate_runs`.

    summary, source, licence: "" where no card says so; runs: in how many it was protected.
    """
    counts = runs["dataset"].value_counts()
    rows = [(name, card.summary, "comes with the suite", card.licence) for name, card in cards.EMBEDDED.items()]
    rows += [(name, hub.summary, f"{hub.repo}, {hub.megabytes} MB", hub.licence) for name, hub in cards.HUB.items()]
    known = {row[0] for row in rows}
    rows += [(name, "", "", "") for name in sorted(set(runs["dataset"]) - known)]
    table = pd.DataFrame(rows, columns=["dataset", "summary", "source", "licence"])
    return table.assign(runs=table["dataset"].map(counts).fillna(0).astype(int))


def tabulate_worth(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what clean data are worth: one row for each data set and victim that met the plain attack.

    zero, baseline, clean: mean test accuracies of the plain attack's references; gain: clean - baseline.
    """
    plain = [member.attack for member in load_required().plain]
    played = runs[runs["attack_text"].isin(plain)]
    columns = {"zero": "utility_zero", "baseline": "utility_baseline", "clean": "utility_clean"}
    means = played.groupby(["dataset", "victim"])[list(columns.values())].mean().reset_index()
    means = means.rename(columns={column: name for name, column in columns.items()})
    return means.assign(gain=means["clean"] - means["baseline"])
