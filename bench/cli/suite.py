"""`bench suite`: plan and play a matrix of runs that is described in YAML."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.output import echo
from bench.cli.plan import describe_saturated, print_plan
from bench.cli.unsafe import Unsafe
from bench.game.suites import presets

if TYPE_CHECKING:
    from bench.play.plan import Plan

app = typer.Typer(help="Plan and play suites: matrices of runs in YAML.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help=f"a YAML file, or one of {', '.join(presets())}")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


Workers = Annotated[
    int | None, typer.Option(min=1, max=10_000, help="stages to run at a time; default: one for each device, or one")
]


@app.command("plan")
def plan_(name: Name, workers: Workers = None, as_json: Json = False) -> None:
    """Print what a suite would compute: its stages, how many are finished, and the cost of the others."""
    print_plan(load_plan(name), workers, as_json)


@app.command()
def run(
    name: Name,
    engine: Annotated[str, typer.Option(help="where stages run: local, ray or slurm")] = "local",
    workers: Workers = None,
    address: Annotated[
        str | None, typer.Option(help="address of a Ray cluster; with slurm, 'local' is a test without Slurm")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only print the plan")] = False,
    force: Annotated[bool, typer.Option("--force", help="play cells that zero-shot almost solves, too")] = False,
    unsafe: Unsafe = False,
    as_json: Json = False,
) -> None:
    """Play the missing runs. A failed stage stops only what needs it; the same command continues after a break.

    Zero-shot evaluations come first, and cells where they leave too little to gain are left out.
    """
    plan = load_plan(name)
    if dry_run:
        return print_plan(plan, workers, as_json)
    from bench.cli.suite_display import SuiteDisplay
    from bench.engine.base import open_engine
    from bench.engine.costs import Costs
    from bench.game.playable import check_playable
    from bench.play.fit import find_too_large
    from bench.play.predict import Estimates
    from bench.play.schedule import play_plan
    from bench.play.zero_shot import Saturated, group_saturated, keep_worthwhile, zero_shot_plan
    from bench.store import artifacts, housekeeping
    from bench.threads import read_threads

    housekeeping.read_limit()  # so that a bad value is an error before the first stage
    read_threads()
    for spec in plan.runs.values():
        check_playable(spec)
    for large in find_too_large(plan) if engine == "local" else ():
        echo(f"will fail: {large}", err=True)
    manifests = artifacts.read_manifests() if plan.tasks else []
    player = open_engine(engine, workers, address, Costs(manifests))
    with SuiteDisplay(plan.tasks.values(), Estimates(plan, manifests), quiet=as_json) as display:
        rest, skipped = plan, list[Saturated]()
        waiting, failed = list[str](), dict[str, str]()
        if not force:
            failed = play_plan(zero_shot_plan(plan), player, display.report).failed
            rest, saturated, waiting = keep_worthwhile(plan)
            skipped = group_saturated(plan, saturated)
            display.expect(rest.tasks.values())
        outcome = play_plan(rest, player, display.report)
    outcome.blocked += waiting
    outcome.failed = failed | outcome.failed
    if as_json:
        echo(json.dumps({**vars(outcome), "skipped": [cells._asdict() for cells in skipped]}, indent=1))
    else:
        echo(f"runs: {len(outcome.recorded)} played, {len(outcome.kept)} as they were")
        for cells in skipped:
            echo(f"skipped, because {describe_saturated(cells)}; --force plays them")
    for stage, error in outcome.failed.items():
        echo(f"failed: {plan.stages[stage].kind} {stage}: {error.strip().splitlines()[-1]}", err=True)
    if outcome.blocked:
        echo(f"{len(outcome.blocked)} runs wait for failed stages; `bench suite status {name}` has the traces")
        raise typer.Exit(1)


@app.command()
def status(name: Name, as_json: Json = False) -> None:
    """Print how many runs of a suite are recorded, and the traces of stages that failed at their last attempt."""
    from bench.play.schedule import failures
    from bench.results import load

    plan = load_plan(name)
    rows = {row.id for row in load()}
    recorded, traces = [run for run in plan.runs if run in rows], failures(plan)
    if as_json:
        return echo(json.dumps({"runs": len(plan.runs), "recorded": len(recorded), "failed": traces}, indent=1))
    echo(f"{len(recorded)} of {len(plan.runs)} runs recorded, {len(plan.tasks)} stages to do")
    for stage, trace in traces.items():
        echo(f"\n{plan.stages[stage].kind} {stage}\n{trace}")


@app.command()
def clean(
    name: Name,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only print what would be removed")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="remove without asking")] = False,
    as_json: Json = False,
) -> None:
    """Remove the artefacts that only this suite needs, and the traces of its failures. Rows of results stay."""
    from bench.play.leftovers import leftovers, remove, traces

    plan = load_plan(name)
    artifacts, files = leftovers(plan), traces(plan)
    size = sum(artifact.size for artifact in artifacts)
    summary = f"{len(artifacts)} artefacts, {size / 1e6:.1f} MB, and {len(files)} traces of failures"
    if not dry_run:
        if not yes and (artifacts or files):
            typer.confirm(f"remove {summary}?", abort=True, err=True)
        size = remove(artifacts, files)
    if as_json:
        report = {"artefacts": [str(artifact) for artifact in artifacts], "traces": len(files), "bytes": size}
        return echo(json.dumps({**report, "dry_run": dry_run}, indent=1))
    echo(f"{'would be removed' if dry_run else 'removed'}: {summary}")


def load_plan(name: str) -> "Plan":
    """Return the plan of a suite whose runs are checked. Raises UserError."""
    from bench.cli import parse
    from bench.game.suite import read_suite
    from bench.play.plan import make_plan

    specs = read_suite(name).runs()
    names = {text: parse.dataset(text) for text in dict.fromkeys(spec.dataset for spec in specs)}
    specs = [spec.model_copy(update={"dataset": names[spec.dataset]}) for spec in specs]
    for spec in specs:
        parse.check_spec(spec)
    return make_plan(specs)
