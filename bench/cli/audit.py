"""`bench audit`: compare a protected folder with its original."""

import json
from typing import Annotated, Any

import typer

from bench.cli.output import echo

FAULTY = 1
"""The exit code for a copy that is over budget, or changed in another way."""

SHOWN = 20


def audit(
    original: Annotated[str, typer.Argument(help="the folder or data set as it was")],
    protected: Annotated[str, typer.Argument(help="the protected one")],
    epsilon: Annotated[str, typer.Option(help="the most that a level of a pixel may change")] = "8/255",
    words: Annotated[int, typer.Option(min=0, max=64, help="how many words may be inserted into a question")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Compare a protected folder with its original: within budget, readable, and nothing else changed.

    The exit code is 0 for that, 1 where anything is over budget, unreadable or changed otherwise, and 2 for bad input.
    """
    from bench.cli import parse
    from bench.owner.audit import audit
    from bench.owner.inventory import locate_source
    from bench.spec import Budget

    budget = Budget(epsilon=parse.epsilon(epsilon), words=words)
    report = audit(locate_source(original), locate_source(protected), budget)
    if as_json:
        echo(json.dumps(report, indent=1))
    else:
        _print(report)
    if not report["within"]:
        raise typer.Exit(FAULTY)


def _print(report: dict[str, Any]) -> None:
    for fault in report["faults"][:SHOWN]:
        echo(f"{fault['name']}: {fault['reason']}", err=True)
    if len(report["faults"]) > SHOWN:
        echo(f"... and {len(report['faults']) - SHOWN} more; --json lists all", err=True)
    stealth = "unchanged" if report["psnr"] is None else f"PSNR {report['psnr']} dB, SSIM {report['ssim']}"
    echo(f"{report['pictures']} pictures, {report['unchanged']} of them as they were; {stealth}")
    echo(f"at most {report['linf']} levels of {report['budget']['epsilon']}, {report['words']} words in a question")
    if report["left_out"]:
        echo(f"{len(report['left_out'])} left out, such as {report['left_out'][0]}")
    echo("within budget, and nothing else changed" if report["within"] else f"{len(report['faults'])} faults")
