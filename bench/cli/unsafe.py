"""The option `--unsafe-no-sandbox`: the code of others runs in a plain process, and the rows say so."""

import os
from typing import Annotated

import typer

VARIABLE = "BENCH_UNSAFE_NO_SANDBOX"
"""`bench.sandbox.UNSAFE`, which this light module does not import."""


def _set(chosen: bool) -> bool:
    """Set the variable, which every worker of this machine inherits."""
    if chosen:
        os.environ[VARIABLE] = "1"
    return chosen


Unsafe = Annotated[
    bool,
    typer.Option("--unsafe-no-sandbox", callback=_set, help="run the code of others without a sandbox; rows say so"),
]
"""The type of an option that needs no more than to be there."""
