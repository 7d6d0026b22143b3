"""Texts on the terminal. Foreign ones are shown in full, without secrets, and without characters that steer it."""

import io
import logging
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bench.errors import UserError, hide_secrets, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def clean(text: str) -> str:
    """Return a text that may be printed: its lines stay, secrets are hidden, control characters are escaped."""
    return "\n".join(printable(line) for line in hide_secrets(text).split("\n"))


def echo(text: object, *, err: bool = False, bold: bool = False) -> None:
    """Print a text on a line of its own, on the error output if `err`."""
    _print(clean(str(text)), err=err, bold=bold)


def report_error(text: str) -> None:
    """Print an error."""
    _print(clean(text), err=True, start="error: ")


def _print(text: str, *, err: bool = False, bold: bool = False, start: str = "") -> None:
    """Print without Typer, which writes UTF-8 to a terminal of ASCII."""
    stream = sys.stderr if err else sys.stdout
    if stream.isatty():
        start = typer.style(start, fg="red", bold=True) if start else ""
        text = typer.style(text, bold=True) if bold else text
    print(start + text, file=stream, flush=True)


def plain(text: str, style: str = "") -> "Text":
    """Return a text for Rich's tables and titles. Square brackets in it are no markup.

    >>> str(plain("ckpt/my[v2]"))
    'ckpt/my[v2]'
    """
    from rich.text import Text

    return Text(clean(text), style)


def make_console(*, quiet: bool = False) -> "Console":
    """Return a console that shows strings as they are: `[v2]` is no markup, and `:smile:` no picture."""
    from rich.console import Console

    return Console(quiet=quiet, markup=False, emoji=False, highlight=False)


class _CleanFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return clean(super().format(record))


def prepare_streams() -> None:
    """Print a question mark for what the terminal's encoding lacks, and nothing where the output is closed.

    Warnings are cleaned as all other texts are.
    """
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_CleanFormatter())
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        getattr(sys, name).reconfigure(errors="replace")


def flush(text: str = "") -> None:
    """Print a text and all that waits to be printed. A reader of a pipe that has gone, as after `| head`, is no error.

    Raises UserError where the output is a file on a full disk.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _silence()
    except OSError as error:
        _silence()
        raise UserError(f"output: {error.strerror}; allowed: a terminal, a pipe, or a file with room") from error


def require_room() -> None:
    """Print an empty line where the output is a file or a device. Raises UserError where there is no room for it."""
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except io.UnsupportedOperation:  # it is kept in memory
        return
    if not sys.stdout.isatty() and (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
        flush("\n")


def _silence() -> None:
    """Point the output to nowhere, so that the end of the process does not try to write it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
