"""`bench cache`: list the finished stages of the home, check them, and make room."""

import json
from datetime import datetime
from typing import Annotated

import typer

from bench.cli.output import echo, make_console

app = typer.Typer(help="List the finished stages of the home, check them, and make room.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command("ls")
def ls(as_json: Json = False) -> None:
    """List the artefacts of each kind of stage: how many, how large, and when one was last used."""
    from bench.store import housekeeping

    rows, limit = housekeeping.summarise_usage(), housekeeping.read_limit()
    gigabytes = None if limit is None else limit / 1e9
    if as_json:
        return echo(json.dumps({"stages": rows, "limit_gb": gigabytes}, indent=1))
    from rich.table import Table

    table = Table(title="no limit: BENCH_CACHE_GB is not set" if gigabytes is None else f"limit: {gigabytes:g} GB")
    for column in ("stage", "artefacts", "MB", "last use"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for row in rows:
        used = row["used"] and datetime.fromisoformat(row["used"]).astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(row["stage"], str(row["artefacts"]), f"{row['mb']:.1f}", used or "")
    make_console().print(table)


@app.command()
def verify(as_json: Json = False) -> None:
    """Compare every artefact with its checksums. Broken ones are set aside, and the exit code is then 1."""
    from bench.store import housekeeping

    checked, broken = 0, {}
    for artifact, reason in housekeeping.verify():
        checked += 1
        if reason:
            broken[str(artifact)] = reason
    if as_json:
        echo(json.dumps({"checked": checked, "broken": broken}, indent=1))
    else:
        echo(f"{checked} artefacts checked, {len(broken)} broken")
    if broken:
        raise typer.Exit(1)


@app.command()
def gc(
    max_gb: Annotated[str | None, typer.Option(help="limit in gigabytes; default: BENCH_CACHE_GB, or no limit")] = None,
    everything: Annotated[bool, typer.Option("--all", help="also remove artefacts of recorded runs, last")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only print what would be removed")] = False,
    as_json: Json = False,
) -> None:
    """Remove drafts of dead processes and artefacts set aside, then the least recently used, down to a limit."""
    from bench.results import retention
    from bench.store import housekeeping

    limit = housekeeping.read_limit() if max_gb is None else housekeeping.parse_gigabytes(max_gb, "max-gb")
    freed = housekeeping.sweep(dry_run=dry_run)
    if limit is not None:
        freed |= retention.trim(limit, everything=everything, dry_run=dry_run)
    if as_json:
        return echo(json.dumps({"removed": freed, "bytes": sum(freed.values()), "dry_run": dry_run}, indent=1))
    for path, size in freed.items():
        echo(f"{size / 1e6:10.1f} MB  {path}")
    left = housekeeping.summarise_usage()[-1]["mb"] - (sum(freed.values()) / 1e6 if dry_run else 0)
    echo(f"{'would be ' if dry_run else ''}freed: {sum(freed.values()) / 1e6:.1f} MB; left: {left:.1f} MB")
    if limit is not None and left > limit / 1e6 and not everything:
        echo(f"over the limit of {limit / 1e9:g} GB: recorded runs need the rest; --all removes it too", err=True)


@app.command()
def push(as_json: Json = False) -> None:
    """Copy finished stages that the shared store of BENCH_ARTIFACTS lacks."""
    from bench.store import artifacts

    pushed, failed = artifacts.share()
    if as_json:
        echo(json.dumps({"pushed": pushed, "failed": failed}, indent=1))
    else:
        echo(f"{len(pushed)} artefacts copied, {len(failed)} not")
    if failed:
        raise typer.Exit(1)
