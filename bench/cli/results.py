"""`bench results`: results as files that travel."""

from pathlib import Path
from typing import Annotated

import typer

from bench.game.suites import presets

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Results as files that travel."""


@app.command()
def export(
    folder: Annotated[Path | None, typer.Argument(help="else the one that the leaderboard opens with")] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(help=f"only its runs, and say which are not played: a YAML file, or {', '.join(presets())}"),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="drop the runs that are in the folder and not here")
    ] = False,
) -> None:
    """Write the runs that may be compared, with the answers that their intervals need, as Parquet with provenance."""
    from bench import results
    from bench.game.suite import read
    from bench.play.provenance import command
    from bench.play.run import run_id
    from bench.results import published
    from bench.results.export import publish

    plan = {Path(name).stem: {run_id(spec): command(spec) for spec in read(name).runs()} for name in suite or []}
    wanted = {key for runs in plan.values() for key in runs}
    rows = [run for run in results.load() if run.id in wanted or not suite]
    told = publish(rows, folder or published.FOLDER, plan, replace=replace)
    size = sum(length for length, _ in told["files"].values()) / 1e6
    typer.echo(f"{told['runs']} runs and the answers of {told['evaluations']} evaluations, {size:.1f} MB")
    for name, entry in told["suites"].items():
        typer.echo(f"{name}: {len(entry['not_played'])} of {entry['planned']} runs are not played")
