"""`bench list`, `bench show` and `bench leaderboard`: list names, show runs, and open the leaderboard."""

import json
import os
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.output import echo
from bench.errors import UserError

LOCAL = ("127.0.0.1", "localhost", "::1")


def list_(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """List every name: defenses, attacks, their parts, recipes and controls, data sets, victims."""
    from attacks import REGISTRY as ATTACKS
    from attacks.grammar import load_recipes
    from attacks.parts import PARTS
    from bench.datasets import cards
    from bench.victims import ASSEMBLED, EMBEDDED, HUB
    from defenses import REGISTRY as DEFENSES

    names = {
        "defenses": {name: e.summary for name, e in DEFENSES.catalog.items() if name not in DEFENSES.controls},
        "attacks": {name: e.summary for name, e in ATTACKS.catalog.items() if name not in ATTACKS.controls},
        "parts of attacks": {name: entry.summary for name, entry in PARTS.catalog.items()},
        "recipes": {name: f"{recipe.attack}: {recipe.summary}" for name, recipe in load_recipes().items()},
        "control defenses": {name: DEFENSES.catalog[name].summary for name in sorted(DEFENSES.controls)},
        "control attacks": {name: ATTACKS.catalog[name].summary for name in sorted(ATTACKS.controls)},
        "datasets": {name: f"embedded, {card.licence}: {card.summary}" for name, card in cards.EMBEDDED.items()}
        | {name: f"{c.repo}, {c.megabytes} MB, {c.licence}: {c.summary}" for name, c in cards.HUB.items()},
        "victims": {name: f"embedded, {family}" for name, family in EMBEDDED.items()}
        | {name: f"made of {a.source}, {a.licence}, by `bench victims fetch`" for name, a in ASSEMBLED.items()}
        | {name: f"{hub.source}, {hub.gigabytes:g} GB, {hub.licence}" for name, hub in HUB.items()},
    }
    if as_json:
        echo(json.dumps(names, indent=1))
        return
    for kind, entries in names.items():
        echo(kind, bold=True)
        for name, summary in entries.items():
            echo(f"  {name:<20} {summary}")


def show(
    run: Annotated[str | None, typer.Argument(help="identity of one run, or the beginning of it")] = None,
    published: Annotated[
        bool, typer.Option("--published", help="use the published results that come with the suite")
    ] = False,
) -> None:
    """List the runs that were played, or print everything about one of them as JSON."""
    from bench.results import load
    from bench.results.published import load_faults, load_runs
    from bench.tables.records import run_as_json

    rows = load_runs() if published else load(quarantined=True)
    for fault in load_faults() if published else []:
        echo(fault, err=True)
    badges = _load_badges() if published else {}
    if run is None:
        for row in (row for row in rows if not row.quarantine):
            protection = 5 * " " if row.protection is None else f"{row.protection:+.2f}"
            echo(
                f"{row.id}  {row.defense:<16} {row.attack:<10} {row.victim:<14} {row.threat:<6} seed {row.seed}"
                f"  U {row.utility:6.1%}  protection {protection}  {badges.get(row.id, '')}".rstrip()
            )
        if reasons := Counter(row.quarantine for row in rows if row.quarantine):
            counts = "; ".join(f"{count} of {reason}" for reason, count in reasons.items())
            echo(f"in quarantine, never compared: {counts}", err=True)
        return
    matches = [row for row in rows if row.id.startswith(run)]
    if len(matches) != 1:
        raise UserError(f"run: {run!r} fits {len(matches)} runs; allowed: one of `bench show`")
    badge = {"checked": badges[matches[0].id]} if published else {}
    echo(json.dumps({**run_as_json(matches[0]), **badge}, indent=1))


def _load_badges() -> dict[str, str]:
    """Return who has played each published run, by its identity."""
    from bench.tables.badges import name_badges
    from bench.tables.runs import load_published_runs

    frame = load_published_runs()
    return dict(zip(frame["id"], name_badges(frame), strict=True))


def leaderboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="port on this machine")] = 8501,
    host: Annotated[
        str, typer.Option(help="address to listen on; 0.0.0.0 shows it to the whole network")
    ] = "127.0.0.1",
    own: Annotated[
        list[str] | None, typer.Option(help="show also the runs on these data of your own; may be given several times")
    ] = None,
) -> None:
    """Open the leaderboard on the results of this machine, or on the published ones. Only this machine can see it."""
    from bench.results.database import database_url, hide_passwords

    package = find_spec("leaderboard")
    if package is None or package.origin is None:
        raise UserError("leaderboard: its package is not installed")
    server = Path(package.origin).with_name("server.py")
    if host not in LOCAL:
        shown = f"and those on your own data: {', '.join(own)}" if own else "but none on your own data"
        echo(
            f"warning: whoever reaches {host!r} sees all runs of this machine with their pictures and answers, {shown}",
            err=True,
        )
    echo(f"results: {hide_passwords(database_url())}")
    command = [sys.executable, "-m", "streamlit", "run", str(server), "--server.port", str(port)]
    command += ["--server.address", host, "--browser.gatherUsageStats", "false"]
    command += ["--client.showErrorDetails", "none", "--client.toolbarMode", "minimal"]
    command += ["--runner.magicEnabled", "false", "--server.maxUploadSize", "1", "--server.fileWatcherType", "none"]
    environment = {**os.environ, "BENCH_LEADERBOARD_OWN": ",".join(own or [])}
    raise typer.Exit(subprocess.run(command, check=False, env=environment).returncode)
