"""Entry point of the command line: its commands, and user errors as one line with exit code 2."""

import os
import sys

import typer

from bench.cli import (
    audit,
    cache,
    data,
    detect,
    doctor,
    listing,
    output,
    power,
    protect,
    results,
    run,
    smells,
    submit,
    suite,
    victims,
)
from bench.errors import UserError
from bench.garbage import collect_seldom
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
app.command("doctor")(doctor.doctor)
app.command("protect")(protect.protect)
app.command("audit")(audit.audit)
app.command("detect")(detect.detect)
app.add_typer(victims.app, name="victims")
app.add_typer(data.app, name="data")
app.add_typer(suite.app, name="suite")
app.add_typer(cache.app, name="cache")
app.add_typer(results.app, name="results")
app.add_typer(submit.app, name="submit")


INTERRUPTED = 130
"""The exit code that Typer gives for Ctrl-C."""

BROKEN_PIPE = 1
"""The exit code where the reader of the output has gone, as that of Python's own programs."""

ArgumentError: type[Exception] = typer.BadParameter.__mro__[2]
"""The base of Typer's errors about arguments, which it does not export."""


def main() -> None:
    """Run the command line; the console script."""
    quiet()
    collect_seldom()
    output.prepare_streams()
    try:
        code = _call()
        output.flush()
    except (UserError, OSError) as error:
        output.report_error(_describe(error))
        code = 2
    if code == INTERRUPTED:
        output.echo("stopped; finished stages are kept, and the same command goes on from here", err=True)
    sys.exit(code)


def _call() -> int:
    """Run the command, and return its exit code."""
    try:
        with disk.full_disk_as_error():
            return app(standalone_mode=False) or 0
    except ArgumentError as error:
        return _report_usage(error)
    except typer.Abort:
        output.echo("Aborted.", err=True)
        return 1
    except BrokenPipeError:
        return BROKEN_PIPE
    except Exception as error:
        if disk.is_disk_full_error(error):
            output.require_room()  # raises the error about the output, where it is that which is full
        raise


def _report_usage(error: Exception) -> int:
    text = error.format_message()  # type: ignore[attr-defined]
    if text:
        output.report_error(f"{text.rstrip('.')}; `--help` lists what is allowed")
    return 2


def _describe(error: UserError | OSError) -> str:
    """Return an error in one line. An error of the system names the file."""
    if isinstance(error, UserError):
        return str(error)
    places = [repr(os.fsdecode(name)) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    return ": ".join([*places, error.strerror or str(error)])


if __name__ == "__main__":
    main()
