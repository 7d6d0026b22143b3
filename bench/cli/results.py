"""`bench results`: results as files that travel, and taking them in."""

from pathlib import Path
from typing import Annotated

import typer

from bench.suites import presets

app = typer.Typer(help="Results as files: export them, or take in those that are shipped.", no_args_is_help=True)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="where the files go; those that are there are replaced")],
    suite: Annotated[
        str | None, typer.Option(help=f"say what of a suite is missing: a YAML file, or one of {', '.join(presets())}")
    ] = None,
) -> None:
    """Every row and its answers as Parquet, with their provenance."""
    from bench.engine.local import run_id
    from bench.engine.provenance import command
    from bench.store import published, results
    from bench.suite import read

    rows = results.load()
    known, wanted = {row.id for row in rows}, read(suite).runs() if suite else []
    absent = sorted(command(spec) for spec in wanted if run_id(spec) not in known)
    about = {"suite": Path(suite).stem, "planned": len(wanted), "not played": absent} if suite else {}
    told = published.publish(rows, folder, about)
    size = sum(length for length, _ in told["files"].values()) / 1e6
    typer.echo(f"{told['runs']} runs and the answers of {told['evaluations']} evaluations, {size:.1f} MB")
    if suite:
        typer.echo(f"{len(absent)} of {len(wanted)} runs of the suite are not played")


@app.command("import")
def import_(
    folder: Annotated[Path | None, typer.Argument(help="exported results; else those that are shipped")] = None,
) -> None:
    """Add exported results to those of this home; rows of its own stay as they are."""
    from bench.store import published

    typer.echo(f"{published.take_in(folder)} new runs")
