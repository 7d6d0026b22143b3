"""`bench submit`: check and play what is sent in: a defense or an attack, described in YAML."""

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.output import echo
from bench.cli.unsafe import Unsafe

if TYPE_CHECKING:
    from bench.game.submissions.schema import Entry
    from bench.game.submissions.version1 import Submission
    from bench.spec import RunSpec

app = typer.Typer(help="Check and play submissions: defenses and attacks described in YAML.", no_args_is_help=True)
Place = Annotated[Path, typer.Argument(help="a submission's folder or YAML file, for example submissions/mmguard")]


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="the name of its folder: a-z, 0-9 and -")],
    kind: Annotated[str, typer.Option(help="configured, code, release or attack")],
    code: Annotated[bool, typer.Option("--code", help="with an attack: a part of it is a file of your own")] = False,
    to: Annotated[
        Path | None, typer.Option(help="where its folder is made; default: submissions, or submissions/attacks")
    ] = None,
    dataset: Annotated[str, typer.Option(help="what a release is made for")] = "emoji_catalog",
) -> None:
    """Write a submission to begin with. It is valid as it is, and nothing is overwritten."""
    from bench.game.submissions.scaffold import scaffold

    parent = to or Path("submissions", "attacks" if kind == "attack" else "")
    folder = scaffold(kind, name, parent, dataset, code=code)
    echo(f"written: {folder}; next: bench submit validate {folder}")


@app.command()
def sums(place: Place) -> None:
    """Write the checksums of a submission anew, after its code or its pictures were changed."""
    from bench.game.submissions.scaffold import renew_sums

    echo(f"written: {renew_sums(place)}")


@app.command()
def validate(place: Place) -> None:
    """Check a submission without playing it: its schema, names, options, checksums and files."""
    from bench.game.submissions.played import identify
    from bench.game.submissions.read import locate, read_submission
    from bench.game.submissions.schema import Attack, Code
    from bench.game.submissions.version1 import Submission

    file = locate(place)
    entry = read_submission(file)
    if isinstance(entry, Submission):
        _check_version1(entry, "lora_sft")
        return echo(f"valid: {entry.title}, {len(entry.runs('lora_sft'))} runs an attack")
    names = ", ".join(method.name for method in identify(entry, file).defenses)
    echo(f"valid: {entry.title}, kind {entry.kind}, {'against' if entry.kind == 'attack' else 'played as'} {names}")
    if entry.kind == "release" or (isinstance(entry, Code | Attack) and entry.file):
        echo("no picture was decoded and no code executed; next: `bench submit mock`")


@app.command()
def mock(place: Place, unsafe: Unsafe = False) -> None:
    """Try a submission on a few samples, in seconds, and say what is wrong with it. Nothing is kept."""
    from bench.game.submissions.read import locate, read_submission
    from bench.game.submissions.version1 import Submission
    from bench.play.mock import check_configured
    from bench.play.mock import mock as check

    file = locate(place)
    entry = read_submission(file)
    wrong = False
    for line in check_configured(entry.defense) if isinstance(entry, Submission) else check(entry, file):
        echo(f"{'WRONG' if line.wrong else 'ok':6} {line.name}: {line.text}")
        wrong = wrong or line.wrong
    if wrong:
        raise typer.Exit(2)


@app.command()
def review(
    base: Annotated[str, typer.Argument(help="the commit that a change is compared with, for example origin/main")],
    repository: Annotated[Path, typer.Option(help="a checkout of the change")] = Path(),
    try_it: Annotated[bool, typer.Option("--mock", help="then try the entry, as `bench submit mock` does")] = False,
) -> None:
    """Check that a change adds one valid entry in a new folder, and touches nothing else. For pull requests."""
    from bench.game.submissions.review import check_options
    from bench.game.submissions.review import review as check

    folder, entry = check(repository, base)
    echo(f"one new entry: {folder}: {entry.title}, kind {entry.kind}")
    if try_it:
        mock(repository / folder)
        check_options(entry, repository, folder)


@app.command("run")
def run_(
    place: Place,
    attack: Annotated[
        str | None,
        typer.Option(
            help="what the trainer does; best: all adaptive attacks; required: all, and the default; "
            "files of version 1: lora_sft"
        ),
    ] = None,
    first: Annotated[bool, typer.Option("--first", help="one run: the plain attack in the first box, seed 0")] = False,
    small: Annotated[
        bool, typer.Option("--small", help="the first run with one pass over emoji_smoke, or a release; never ranked")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only print the plan and its cost")] = False,
    force: Annotated[bool, typer.Option("--force", help="play cells that zero-shot almost solves, too")] = False,
    to: Annotated[
        Path | None, typer.Option(help="folder of the provenance file; default: `submissions` in BENCH_HOME")
    ] = None,
    unsafe: Unsafe = False,
    as_json: Annotated[bool, typer.Option("--json", help="print results as JSON")] = False,
) -> None:
    """Say what a submission costs, and play it as `bench run` would. A killed run continues where it stopped.

    At the end, a provenance file links the rows to what they were computed from; `bench submit verify` checks it.
    """
    from attacks.required import SETS, expand_set
    from bench.cli.run import play
    from bench.game.submissions.files import read_release
    from bench.game.submissions.played import identify
    from bench.game.submissions.read import locate, read_submission
    from bench.game.submissions.schema import Attack, Release
    from bench.game.submissions.version1 import Submission
    from bench.play.chain import MissingRows, write_chain
    from bench.threads import read_threads

    read_threads()  # so that a bad value is an error before anything is named
    file = locate(place)
    entry = read_submission(file)
    if isinstance(entry, Submission):
        cells = [cell for text in expand_set(attack or "lora_sft") for cell in _cells_of_version1(entry, text)]
    else:
        cells = _cells(entry, file, attack or "required")
    if first or small:
        cells = [cells[0][:1]]
    if small:
        cells = [[_shrink(spec) for spec in cell] for cell in cells]
    if dry_run:
        return _print_plan(cells, as_json)
    if not as_json:
        _tell_cost(cells)
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
    together = not first and not small and (attack or "required") in SETS and not isinstance(entry, Submission)
    play(cells, as_json=as_json, together=together or attack in SETS, force=force)
    if small:
        return  # no row of the entry
    default = "lora_sft" if isinstance(entry, Submission) else "required"
    sums = read_release(file.parent) if isinstance(entry, Release) else {}
    try:
        origins = identify(entry, file).origins if isinstance(entry, Attack) else {}
        echo(f"provenance: {write_chain(entry, sums, attack or default, first, to, origins)}", err=as_json)
    except MissingRows as error:
        echo(error, err=True)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="a provenance file that `bench submit run` wrote")],
    rerun: Annotated[
        float, typer.Option(help="share of the stages to make again bit for bit; 0: none, otherwise at least one")
    ] = 0.01,
    seed: Annotated[
        int | None, typer.Option(min=0, help="draws these stages; default: one that nobody can know before")
    ] = None,
    unsafe: Unsafe = False,
) -> None:
    """Check a provenance file: every link and number by what is on this machine, and some stages by making them again.

    Prints a line for each check. The exit code is 2 where a link or a number is not as the file says.
    """
    from bench.play.verify import status
    from bench.play.verify import verify as check

    seed = secrets.randbelow(2**31) if seed is None else seed
    wrong = False
    for line in check(file, rerun, seed):
        echo(f"{status(line):6} {line.name}: {line.text}")
        wrong = wrong or line.wrong
    if rerun:
        echo(f"the stages that were made again are those of --rerun {rerun:g} --seed {seed}")
    if wrong:
        raise typer.Exit(2)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a submission, with which an editor completes and checks its fields."""
    from bench.game.submissions.schema import json_schema

    echo(json.dumps(json_schema(), indent=1))


def _shrink(spec: "RunSpec") -> "RunSpec":
    """Return a run of a minute: one pass, and few pictures unless a release is of others."""
    from attacks import REGISTRY as ATTACKS
    from bench.methods.submitted import RELEASE

    options = {**spec.attack.options, "epochs": 1}
    if "epochs" not in ATTACKS.describe(spec.attack).options:
        options = spec.attack.options
    attack = ATTACKS.normalise(spec.attack.model_copy(update={"options": options}))
    dataset = spec.dataset if RELEASE.fullmatch(spec.defense.name) else "emoji_smoke"
    return spec.model_copy(update={"attack": attack, "dataset": dataset})


def _check_version1(submission: "Submission", attack: str) -> None:
    """Raise UserError for a submission of version 1 whose runs against an attack cannot be played here."""
    from attacks.grammar import parse_attack
    from bench.cli import parse
    from bench.game.submissions.version1 import check_steps
    from defenses import REGISTRY as DEFENSES

    parse.check_methods(submission.defense.name, parse_attack(attack).name)
    _check_runs(submission.runs(attack))
    if submission.defense.options:  # the defaults are known to be cheap, and asking for them would import torch
        check_steps(DEFENSES.describe(submission.defense).options)


def _cells_of_version1(submission: "Submission", attack: str) -> "list[list[RunSpec]]":
    _check_version1(submission, attack)
    specs, seeds = submission.runs(attack), len(submission.seeds)
    return [specs[start : start + seeds] for start in range(0, len(specs), seeds)]


def _cells(entry: "Entry", file: Path, attack: str) -> "list[list[RunSpec]]":
    """Return the cells of a submission, whose files are copied into the home, under an attack or a set of them."""
    from attacks.required import expand_set
    from bench.game.submissions.played import identify, make_cells

    played = identify(entry, file)
    played.keep()
    texts = expand_set(attack) if entry.kind != "attack" else (attack,)
    cells = [cell for text in texts for cell in make_cells(entry, played, text)]
    _check_runs([spec for cell in cells for spec in cell])
    return cells


def _check_runs(specs: "list[RunSpec]") -> None:
    """Raise UserError for a run that cannot be played here."""
    from bench.cli import parse
    from bench.game.playable import check_playable

    for spec in specs:
        parse.check_spec(spec)
        check_playable(spec)


def _print_plan(cells: "list[list[RunSpec]]", as_json: bool) -> None:
    from bench.cli.plan import print_plan
    from bench.play.plan import make_plan

    print_plan(make_plan([spec for cell in cells for spec in cell]), None, as_json)


def _tell_cost(cells: "list[list[RunSpec]]") -> None:
    """Print how many runs and stages are to be played, and how long it will take where that is known."""
    from bench.play.plan import make_plan
    from bench.play.predict import Estimates, predict_seconds, task_seconds
    from bench.store import artifacts

    plan = make_plan([spec for cell in cells for spec in cell])
    seconds = task_seconds(plan, Estimates(plan, artifacts.read_manifests()))
    wall = "not known yet" if seconds is None else f"{predict_seconds(plan, 1, seconds):.0f} s"
    echo(f"{len(plan.runs)} runs, {len(plan.tasks)} of {len(plan.stages)} stages to be made, expected time: {wall}")
