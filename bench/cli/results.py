"""`bench results`: export results as files, and vouch for them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.output import echo
from bench.errors import UserError
from bench.game.suites import presets

if TYPE_CHECKING:
    from bench.results import Run

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Export results as files, and say which of them the maintainers have played themselves."""


@app.command()
def export(
    folder: Annotated[Path | None, typer.Argument(help="folder to write; default: the leaderboard's own")] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(help=f"export only its runs, and list those not played: a YAML file, or {', '.join(presets())}"),
    ] = None,
    own: Annotated[
        list[str] | None,
        typer.Option(help="export also the runs on these data of your own, with questions and answers; several times"),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="drop runs that are in the folder but not on this machine")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(help="write a static site into this folder instead; without own runs, of the published ones"),
    ] = None,
) -> None:
    """Write comparable runs and the answers behind their intervals as Parquet files, with their provenance.

    A few pictures of each release on embedded data, and the losses of the stages, go with them.
    """
    from bench.command import format_command
    from bench.game.suite import read_suite
    from bench.play.run import run_id
    from bench.results import checked, load, published
    from bench.results.export import publish
    from bench.results.own import is_open

    plan = {
        Path(name).stem: {
            run_id(spec): format_command(spec)
            for spec in read_suite(name).runs()
            if is_open(spec.dataset, None, own or [])
        }
        for name in suite or []
    }
    wanted = {key for runs in plan.values() for key in runs}
    rows = [run for run in load() if run.id in wanted or not suite]
    if html is not None:
        if folder is not None or replace:
            raise UserError("html: a folder of Parquet files and --replace do not go with it; allowed: --html DIR")
        return _write_site([run for run in rows if is_open(run.dataset, run.effects, own or [])], html)
    report = publish(rows, folder or published.FOLDER, plan, own=own or [], replace=replace)
    size = sum(length for length, _ in report["files"].values()) / 1e6
    echo(f"{report['runs']} runs and the answers of {report['evaluations']} evaluations, {size:.1f} MB")
    if report["own_left_out"]:
        echo(f"{report['own_left_out']} runs on your own data are left out; --own NAME exports those of a name")
    for name, coverage in report["suites"].items():
        echo(f"{name}: {len(coverage['not_played'])} of {coverage['planned']} runs are not played")
    if folder is None:
        shipped = published.load_runs()
        if reported := len(shipped) - len(checked.find_checked(shipped)):
            echo(f"{reported} rows are self-reported, without a rank; `bench results vouch` checks those of this home")


def _write_site(rows: "list[Run]", folder: Path) -> None:
    """Write the site of some runs of this machine; where there are none, of the published ones."""
    from bench.site.pages import build_pages
    from bench.site.write import write_site
    from bench.tables.runs import load_published_runs, tabulate_runs

    runs = tabulate_runs(rows) if rows else load_published_runs()
    pages = build_pages(runs)
    write_site(pages, folder)
    source = "this machine" if rows else "the published results"
    echo(f"{len(pages)} files of {len(runs)} runs of {source}; open {folder / 'index.html'}")


@app.command()
def vouch(
    folder: Annotated[Path | None, typer.Argument(help="published results; default: the leaderboard's own")] = None,
) -> None:
    """Maintainers: write down which published rows this home has played with the same numbers and answers.

    They are written into `leaderboard/checked.json` of this checkout. All other published rows are self-reported.
    """
    from bench.results import checked, published

    known, differing = checked.vouch(folder)
    echo(f"{len(known)} of {len(published.load_runs(folder))} published rows are checked")
    if differing:
        raise UserError(f"results: {len(differing)} rows came out otherwise here and are not checked: {differing[0]}")
