"""`bench smells`: what makes the numbers of this home less than they seem."""

import json
from typing import Annotated

import typer


def smells(
    published: Annotated[bool, typer.Option("--published", help="of the results that come with the suite")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Flags of every game that was played: weak trainers, controls as good as defenses, scattered seeds, ..."""
    from bench.results import published as shipped
    from bench.tables import data, flags

    games = list(flags.by_game(data.runs(shipped.runs() if published else None)))
    if as_json:
        rows = [{**game, **smell._asdict()} for game, found in games for smell in found]
        return typer.echo(json.dumps(rows, indent=1, default=int))
    for game, found in games:
        title = " · ".join(f"{name} {value}" for name, value in game.items())
        typer.secho(f"{title}: {len(found)} flag{'' if len(found) == 1 else 's'}", bold=True)
        for smell in found:
            typer.echo(f"  {smell.kind:<22} {smell.text}")
