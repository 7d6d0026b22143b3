"""`bench submit`: check and play a defense described in YAML."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.output import echo

if TYPE_CHECKING:
    from bench.game.submission import Submission
    from bench.spec import RunSpec

app = typer.Typer(help="Check and play submissions: defenses that are configured in YAML.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="a submission, for example submissions/mmguard.yaml")]


def _read_checked(file: Path, attack: str = "lora_sft") -> "Submission":
    """Return a submission whose runs against an attack can be played here. Raises UserError for any other."""
    from attacks.grammar import parse_attack
    from bench.cli import parse
    from bench.game.playable import check_playable
    from bench.game.submission import check_steps, read_submission
    from defenses import REGISTRY as DEFENSES

    submission = read_submission(file)
    parse.check_methods(submission.defense.name, parse_attack(attack).name)
    for spec in submission.runs(attack):
        parse.check_spec(spec)
        check_playable(spec)
    if submission.defense.options:  # the defaults are known to be cheap, and asking for them would import torch
        check_steps(DEFENSES.describe(submission.defense).options)
    return submission


@app.command()
def validate(file: File) -> None:
    """Check a submission without playing it: its schema, names, options and threat models."""
    submission = _read_checked(file)
    echo(f"valid: {submission.title}, {len(submission.runs('lora_sft'))} runs an attack")


@app.command("run")
def run_(
    file: File,
    attack: Annotated[
        str, typer.Option(help="what the trainer does; best: all adaptive attacks; required: all")
    ] = "lora_sft",
    force: Annotated[bool, typer.Option("--force", help="play cells that zero-shot almost solves, too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print results as JSON")] = False,
) -> None:
    """Play every cell of a submission, as `bench run` would."""
    from attacks.required import SETS, expand_set
    from bench.cli.run import play

    cells: list[list[RunSpec]] = []
    for attack_text in expand_set(attack):
        submission = _read_checked(file, attack_text)
        specs, seeds = submission.runs(attack_text), len(submission.seeds)
        cells += (specs[start : start + seeds] for start in range(0, len(specs), seeds))
    play(cells, as_json=as_json, together=attack in SETS, force=force)
