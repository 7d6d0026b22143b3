"""`bench submit`: check and play a defense described in YAML."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bench.game.submission import Submission
    from bench.spec import RunSpec

app = typer.Typer(help="Submissions: one YAML file a configured defense.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="a submission, for example submissions/mmguard.yaml")]


def _checked(file: Path, attack: str = "lora_sft") -> "Submission":
    from attacks.grammar import parse_attack
    from bench.cli import parse
    from bench.game.playable import check_playable
    from bench.game.submission import read

    submission = read(file)
    parse.check_methods(submission.defense.name, parse_attack(attack).name)
    for spec in submission.runs(attack):
        parse.check(spec)
        check_playable(spec)
    return submission


@app.command()
def validate(file: File) -> None:
    """Check a submission without playing it: schema, names, options, threat models."""
    submission = _checked(file)
    typer.echo(f"valid: {submission.title}, {len(submission.runs('lora_sft'))} runs an attack")


@app.command("run")
def run_(
    file: File,
    attack: Annotated[str, typer.Option(help="what the trainer does; best: the standard set")] = "lora_sft",
    as_json: Annotated[bool, typer.Option("--json", help="print results as JSON")] = False,
) -> None:
    """Play every cell that a submission asks for, as `bench run` would."""
    from attacks.grammar import BEST, expand_best
    from bench.cli.run import play

    cells: list[list[RunSpec]] = []
    for one in expand_best(attack):
        submission = _checked(file, one)
        specs, seeds = submission.runs(one), len(submission.seeds)
        cells += (specs[start : start + seeds] for start in range(0, len(specs), seeds))
    play(cells, as_json=as_json, together=attack == BEST)
