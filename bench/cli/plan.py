"""Print a plan before it is played: what meets what, its stages, and what they will cost."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bench.cli.output import echo, make_console

if TYPE_CHECKING:
    from bench.play.plan import Plan
    from bench.play.predict import RealCost
    from bench.play.zero_shot import Saturated


def print_plan(plan: "Plan", workers: int | None, as_json: bool) -> None:
    """Print what a plan plays, its stages with their costs, the expected time, and what real models need."""
    from bench.play.fit import find_too_large
    from bench.play.predict import Estimates, cost_table, predict_seconds, real_cost, task_seconds
    from bench.play.zero_shot import find_saturated, group_saturated
    from bench.store import artifacts

    estimates, count = Estimates(plan, artifacts.read_manifests()), workers or 1
    rows, seconds = cost_table(plan, estimates), task_seconds(plan, estimates)
    wall = None if seconds is None else round(predict_seconds(plan, count, seconds))
    saturated = group_saturated(plan, find_saturated(plan))
    real = real_cost(plan, estimates)
    assumed, large = estimates.model.assumptions if estimates.model else "", find_too_large(plan)
    if as_json:
        document: dict[str, Any] = {"runs": len(plan.runs), "stages": rows, "workers": count, "wall seconds": wall}
        document |= list_axes(plan)
        document["saturated"] = [cells._asdict() for cells in saturated]
        if real:
            document["real models"] = {**real._asdict(), "assumed": assumed, "too large": [*map(str, large)]}
        return echo(json.dumps(document, indent=1))
    from rich.table import Table

    for axis, values in list_axes(plan).items():
        echo(f"{axis}: {', '.join(map(str, values))}")
    table = Table(title=f"{len(plan.runs)} runs, {len(plan.stages)} stages, {len(plan.tasks)} to do")
    for column in rows[0]:
        table.add_column(column, justify="left" if column == "stage" else "right")
    for row in rows:
        table.add_row(*("?" if value is None else str(value) for value in row.values()))
    make_console().print(table)
    text = "not known: stages like these were never played here" if wall is None else f"{wall} s"
    echo(f"expected time with {count} workers: {text}")
    if real:
        echo(describe_real_cost(real))
        echo(assumed)
    for stage in large[:1]:
        echo(f"does not fit here ({len(large)} stages): {stage}")
    for cells in saturated:
        echo(f"left out when it is played, but counted here: {describe_saturated(cells)}")


def list_axes(plan: "Plan") -> dict[str, list[str | int]]:
    """Return the different defenses, attacks, data sets, victims and so on of a plan's runs, in their order."""
    from attacks.grammar import format_attack
    from bench.game.threat import surrogates

    specs = plan.runs.values()
    columns: dict[str, Iterable[str | int]] = {
        "defenses": (format_attack(spec.defense) for spec in specs),
        "attacks": (format_attack(spec.attack) for spec in specs),
        "datasets": (spec.dataset for spec in specs),
        "victims": (spec.victim for spec in specs),
        "boxes": (spec.threat for spec in specs),
        "surrogates": (name for spec in specs for name in surrogates(spec.victim, spec.threat, spec.surrogates)),
        "seeds": (spec.seed for spec in specs),
    }
    return {axis: list(dict.fromkeys(values)) for axis, values in columns.items()}


def describe_real_cost(cost: "RealCost") -> str:
    """Return a line on accelerator hours, memory and disk."""
    hours = "not known (the size of a model is not)" if cost.gpu_hours is None else f"{cost.gpu_hours:.3g}"
    return (
        f"real models, about: GPU hours {hours}; peak memory {cost.gpu_gb:g} GB on the GPU and {cost.host_gb:g} GB of "
        f"the host; {cost.disk_gb:g} GB of disk, and {cost.download_gb:g} GB of downloads"
    )


def describe_saturated(cells: "Saturated") -> str:
    """Return the text on runs that cannot be eligible."""
    data = f"{cells.victim!r} answers {cells.zero_shot:.1%} of {cells.dataset!r} zero-shot"
    return f"clean data can add too little: {data} ({cells.runs} runs)"
