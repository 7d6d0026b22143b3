"""`bench suite`: a matrix of runs in YAML, planned, played and looked at."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bench.game.suites import presets

if TYPE_CHECKING:
    from bench.play.plan import Plan

app = typer.Typer(help="Suites: a matrix of runs in one YAML file.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help=f"a YAML file, or one of {', '.join(presets())}")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


Workers = Annotated[int | None, typer.Option(min=1, max=10_000, help="stages at a time; else one a device, or one")]


@app.command("plan")
def plan_(name: Name, workers: Workers = None, as_json: Json = False) -> None:
    """What a suite would compute: distinct stages, how many are finished, and the cost of the others."""
    _show(_plan(name), workers, as_json)


@app.command()
def run(
    name: Name,
    engine: Annotated[str, typer.Option(help="local, ray or slurm")] = "local",
    workers: Workers = None,
    address: Annotated[str | None, typer.Option(help="of a Ray cluster; slurm: 'local' tries it without Slurm")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="the plan alone")] = False,
    as_json: Json = False,
) -> None:
    """Play what is missing. A stage that fails stops nothing else; the same command goes on after any interruption."""
    plan = _plan(name)
    if dry_run:
        return _show(plan, workers, as_json)
    from bench.cli.display import Counted
    from bench.engine.base import engine as open_engine
    from bench.game.playable import check_playable
    from bench.play.plan import Costs
    from bench.play.suite import play
    from bench.store import housekeeping
    from bench.store.artifacts import manifests

    housekeeping.limit()  # a bad value is told before the first stage, not by each of them
    for spec in plan.runs.values():
        check_playable(spec)
    player = open_engine(engine, workers, address, Costs(manifests() if plan.tasks else []))
    with Counted(len(plan.tasks), quiet=as_json) as display:
        outcome = play(plan, player, display.tick)
    if as_json:
        typer.echo(json.dumps(vars(outcome), indent=1))
    else:
        typer.echo(f"runs: {len(outcome.recorded)} played, {len(outcome.kept)} as they were")
    for stage, error in outcome.failed.items():
        typer.echo(f"failed: {plan.stages[stage].kind} {stage}: {error.strip().splitlines()[-1]}", err=True)
    if outcome.blocked:
        typer.echo(f"{len(outcome.blocked)} runs wait for failed stages; `bench suite status {name}` has the traces")
        raise typer.Exit(1)


@app.command()
def status(name: Name, as_json: Json = False) -> None:
    """How many runs of a suite are recorded, and the traces of stages that failed when they were last tried."""
    from bench import results
    from bench.play.suite import failures

    plan = _plan(name)
    rows = {row.id for row in results.load()}
    done, traces = [run for run in plan.runs if run in rows], failures(plan)
    if as_json:
        return typer.echo(json.dumps({"runs": len(plan.runs), "recorded": len(done), "failed": traces}, indent=1))
    typer.echo(f"{len(done)} of {len(plan.runs)} runs recorded, {len(plan.tasks)} stages to do")
    for stage, trace in traces.items():
        typer.echo(f"\n{plan.stages[stage].kind} {stage}\n{trace}")


@app.command()
def clean(
    name: Name,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be removed")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: Json = False,
) -> None:
    """Remove the artefacts that no recorded run of another suite needs, and the traces of failures; rows stay."""
    from bench.play.leftovers import leftovers, remove, traces

    plan = _plan(name)
    artifacts, files = leftovers(plan), traces(plan)
    size = sum(each.size for each in artifacts)
    told = f"{len(artifacts)} artefacts, {size / 1e6:.1f} MB, and {len(files)} traces of failures"
    if not dry_run:
        if not yes and (artifacts or files):
            typer.confirm(f"remove {told}?", abort=True, err=True)
        size = remove(artifacts, files)
    if as_json:
        report = {"artefacts": [str(each) for each in artifacts], "traces": len(files), "bytes": size}
        return typer.echo(json.dumps({**report, "dry_run": dry_run}, indent=1))
    typer.echo(f"{'would be removed' if dry_run else 'removed'}: {told}")


def _plan(name: str) -> "Plan":
    from bench.cli import parse
    from bench.game.suite import read
    from bench.play.plan import plan

    specs = read(name).runs()
    names = {text: parse.dataset(text) for text in dict.fromkeys(spec.dataset for spec in specs)}
    specs = [spec.model_copy(update={"dataset": names[spec.dataset]}) for spec in specs]
    for spec in specs:
        parse.check(spec)
    return plan(specs)


def _show(plan: "Plan", workers: int | None, as_json: bool) -> None:
    from bench.play.plan import Costs
    from bench.play.predict import expected, predict
    from bench.store.artifacts import manifests

    costs, count = Costs(manifests()), workers or 1
    rows, known = costs.table(plan), expected(plan, costs)
    wall = None if known is None else round(predict(plan, count, known))
    if as_json:
        table = {"runs": len(plan.runs), "stages": rows, "workers": count, "wall seconds": wall}
        return typer.echo(json.dumps(table, indent=1))
    from rich.console import Console
    from rich.table import Table

    view = Table(title=f"{len(plan.runs)} runs, {len(plan.stages)} stages, {len(plan.tasks)} to do")
    for column in rows[0]:
        view.add_column(column, justify="left" if column == "stage" else "right")
    for row in rows:
        view.add_row(*("?" if value is None else str(value) for value in row.values()))
    Console().print(view)
    told = "not known: stages like these were never played here" if wall is None else f"{wall} s"
    typer.echo(f"expected time with {count} workers: {told}")
