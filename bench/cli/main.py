"""Entry point of the command line: its commands, and user errors as one line with exit code 2."""

import sys

import typer

from bench.cli import cache, data, listing, power, results, run, smells, submit, suite, victims
from bench.errors import UserError
from bench.quiet import quiet
from bench.store import disk

app = typer.Typer(
    name="bench",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Can someone still fine-tune a vision-language model on the image-text data you publish?",
)
app.command("run")(run.run)
app.command("list")(listing.list_)
app.command("show")(listing.show)
app.command("smells")(smells.smells)
app.command("leaderboard")(listing.leaderboard)
app.command("power")(power.power)
app.add_typer(victims.app, name="victims")
app.add_typer(data.app, name="data")
app.add_typer(suite.app, name="suite")
app.add_typer(cache.app, name="cache")
app.add_typer(results.app, name="results")
app.add_typer(submit.app, name="submit")


INTERRUPTED = 130
"""The exit code that Typer gives for Ctrl-C."""


def main() -> None:
    """Run the command line; the console script."""
    quiet()
    try:
        with disk.full_disk_as_error():
            app()
    except UserError as error:
        typer.echo(typer.style("error:", fg="red", bold=True) + f" {error}", err=True)
        sys.exit(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            typer.echo("stopped; finished stages are kept, and the same command goes on from here", err=True)
        raise


if __name__ == "__main__":
    main()
