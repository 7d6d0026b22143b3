"""`bench doctor`: examine this machine."""

import json
from typing import Annotated

import typer

from bench.cli.output import echo

MARKS = {"ok": "", "note": "note", "broken": "BROKEN"}


def doctor(
    devices: Annotated[bool, typer.Option("--devices", help="also ask torch for its devices, which takes seconds")] = (
        False
    ),
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Examine this machine: versions, devices, home, hub and sandbox; what will not work here, and how to mend it.

    The exit code is 1 where something has to be mended before anything can be played.
    """
    from bench.doctor import examine

    findings = examine(devices=devices)
    if as_json:
        echo(json.dumps({"findings": [finding._asdict() for finding in findings]}, indent=1))
    else:
        for topic, state, text, mend in findings:
            echo(f"{MARKS[state]:<7}{topic:<10} {' '.join(text.split())}{f' -> {mend}' if mend else ''}")
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)
