"""`bench smells`: reasons to doubt the numbers of this home."""

import json
from typing import Annotated

import typer

from bench.cli.output import echo


def smells(
    published: Annotated[
        bool, typer.Option("--published", help="use the published results that come with the suite")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Print the flags of every game that was played: weak trainers, controls as good as defenses, scattered seeds."""
    from bench.tables.flags import flag_games
    from bench.tables.runs import load_published_runs, load_runs

    games = list(flag_games(load_published_runs() if published else load_runs()))
    if as_json:
        rows = [{**game._asdict(), **flag._asdict()} for game, flags in games for flag in flags]
        return echo(json.dumps(rows, indent=1))
    for game, flags in games:
        title = " · ".join(f"{name} {value}" for name, value in game._asdict().items())
        echo(f"{title}: {len(flags)} flag{'' if len(flags) == 1 else 's'}", bold=True)
        for flag in flags:
            echo(f"  {flag.kind:<22} {flag.text}")
