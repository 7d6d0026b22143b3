"""`bench results`: export results as files."""

from pathlib import Path
from typing import Annotated

import typer

from bench.game.suites import presets

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Export results as files."""


@app.command()
def export(
    folder: Annotated[Path | None, typer.Argument(help="folder to write; default: the leaderboard's own")] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(help=f"export only its runs, and list those not played: a YAML file, or {', '.join(presets())}"),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="drop runs that are in the folder but not on this machine")
    ] = False,
) -> None:
    """Write comparable runs and the answers behind their intervals as Parquet files, with their provenance."""
    from bench import results
    from bench.game.suite import read_suite
    from bench.play.provenance import command
    from bench.play.run import run_id
    from bench.results import published
    from bench.results.export import publish

    plan = {Path(name).stem: {run_id(spec): command(spec) for spec in read_suite(name).runs()} for name in suite or []}
    wanted = {key for runs in plan.values() for key in runs}
    rows = [run for run in results.load() if run.id in wanted or not suite]
    report = publish(rows, folder or published.FOLDER, plan, replace=replace)
    size = sum(length for length, _ in report["files"].values()) / 1e6
    typer.echo(f"{report['runs']} runs and the answers of {report['evaluations']} evaluations, {size:.1f} MB")
    for name, coverage in report["suites"].items():
        typer.echo(f"{name}: {len(coverage['not_played'])} of {coverage['planned']} runs are not played")
