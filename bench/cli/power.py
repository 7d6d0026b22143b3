"""`bench power`: compute the smallest difference that runs would show, before anything is played."""

import json
from typing import Annotated

import typer

from bench.cli.output import echo
from bench.errors import UserError


def power(
    items: Annotated[int, typer.Option(min=2, max=10_000_000, help="questions in the test split")],
    per_image: Annotated[int, typer.Option(min=1, help="questions about each picture")] = 1,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="seeds of each defense")] = 1,
    gain: Annotated[float, typer.Option(min=0.01, max=1, help="expected gain of clean fine-tuning, in [0,1]")] = 0.5,
    accuracy: Annotated[float, typer.Option(min=0.01, max=0.99, help="expected accuracy, in [0,1]")] = 0.5,
    agreement: Annotated[
        float, typer.Option(min=0, max=0.99, help="correlation between two runs' scores of the same items")
    ] = 0.5,
    within: Annotated[
        float, typer.Option(min=0, max=1, help="correlation between items of one picture; 1: they count as one item")
    ] = 1.0,
    seed_sd: Annotated[float, typer.Option(min=0, max=0.5, help="standard deviation of accuracy over seeds")] = 0.02,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Print the smallest difference that a test set of this size would probably show: power 80 %, two-sided 5 %."""
    if per_image > items // 2:
        raise UserError(f"per-image: {per_image}; allowed: 1 to {items // 2}, so that {items} items have two pictures")
    from bench.scoring import power
    from bench.scoring.protection import LISTED_SEEDS, VERIFIED_SEEDS

    design = power.StudyDesign(items, per_image, within, seeds, seed_sd, accuracy, agreement)
    effects = {"paired": power.detectable_paired(design), "unpaired": power.detectable_unpaired(design)}
    if as_json:
        shares = {f"{name}_protection": value / gain for name, value in effects.items()}
        echo(json.dumps({**design._asdict(), "gain": gain, **effects, **shares}, indent=1))
        return
    echo(f"{'smallest detectable difference':<32}{'accuracy':>12}{'protection':>12}")
    for name, title in (("paired", "paired, the same items"), ("unpaired", "unpaired, items of their own")):
        points, share = f"{100 * effects[name]:.1f} points", f"{effects[name] / gain:.2f}"
        echo(f"{title:<32}{points:>12}{share:>12}")
    if seeds == 1:
        echo("One seed: that these two runs differ, not that two others would.")
    echo(f"A defense is listed from {LISTED_SEEDS} seeds on, and verified from {VERIFIED_SEEDS}.")
