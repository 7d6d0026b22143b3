"""`bench run`: play one cell of the benchmark, with one seed or several."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.output import echo, plain
from bench.cli.unsafe import Unsafe
from bench.errors import UserError

if TYPE_CHECKING:
    from bench.results.rows import Run
    from bench.spec import Method, RunSpec


def run(
    defense: Annotated[str, typer.Option(help="what the owner does; see `bench list`")],
    attack: Annotated[
        str,
        typer.Option(
            help="what the trainer does: see `bench list`, or lora_sft+jpeg(quality=30), for example; "
            "best: all adaptive attacks; required: all"
        ),
    ],
    dataset: Annotated[
        str, typer.Option(help="a name from `bench list`, or a path to your own data")
    ] = "emoji_catalog",
    victim: Annotated[
        str,
        typer.Option(help="a name from `bench list`, a checkpoint folder or org/name; also with @bf16, @fp16 or @4bit"),
    ] = "tiny-llava-a",
    threat: Annotated[str, typer.Option(help="white, gray or black: what the owner knows of the victim")] = "white",
    surrogates: Annotated[
        str | None, typer.Option(help="names of the owner's models, with commas; default: those of the threat model")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="one seed")] = 0,
    seeds: Annotated[str | None, typer.Option(help="several seeds, for example 0,1,2")] = None,
    epsilon: Annotated[str, typer.Option(help="L-infinity budget, for example 8/255")] = "8/255",
    words: Annotated[int, typer.Option(min=0, max=64, help="how many words may be inserted into a question")] = 5,
    option: Annotated[
        list[str] | None, typer.Option("-o", "--option", help="an option of the defense, key=value")
    ] = None,
    attack_option: Annotated[
        list[str] | None, typer.Option("-a", "--attack-option", help="an option of the attack, key=value")
    ] = None,
    side_effects: Annotated[
        str | None,
        typer.Option(
            help="other tasks to measure after training: data sets or lm-eval's tasks about pictures, with commas"
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only print the plan and its cost")] = False,
    force: Annotated[bool, typer.Option("--force", help="go on where zero-shot almost solves the data")] = False,
    unsafe: Unsafe = False,
    as_json: Annotated[bool, typer.Option("--json", help="print results as JSON")] = False,
) -> None:
    """Protect, attack, evaluate and score. Finished stages are reused, and a killed run continues where it stopped."""
    from attacks.required import SETS, expand_set
    from bench.cli import parse

    if attack in SETS and attack_option:
        raise UserError(f"attack_option: {attack_option[0]!r}; allowed: none with --attack best, a set of attacks")
    dataset = parse.dataset(dataset)
    cells = [
        [
            parse.spec(
                defense=defense,
                attack=attack_text,
                dataset=dataset,
                victim=victim,
                threat=threat,
                surrogates=surrogates,
                seed=one_seed,
                epsilon=parse.epsilon(epsilon),
                words=words,
                options=parse.options(option or []),
                attack_options=parse.options(attack_option or []),
                playable=not dry_run,
            )
            for one_seed in parse.seeds(seed, seeds)
        ]
        for attack_text in expand_set(attack)
    ]
    tell_variants(cells[0][0].attack)
    from bench.play.fit import check_fit
    from bench.play.plan import make_plan

    plan = make_plan([spec for cell in cells for spec in cell])
    if dry_run:
        from bench.cli.plan import print_plan

        return print_plan(plan, None, as_json)
    check_fit(plan)
    play(cells, as_json=as_json, tasks=parse.tasks(side_effects), together=attack in SETS, force=force)


def tell_variants(attack: "Method") -> None:
    """Say so where the required set has an attack with other options alone: a rank needs those."""
    from attacks.grammar import format_attack
    from attacks.required import find_variants

    if variants := find_variants(attack):
        echo(f"{format_attack(attack)} is not in the required set; a rank needs {', '.join(variants)}", err=True)


def play(
    cells: Sequence[Sequence["RunSpec"]],
    *,
    as_json: bool,
    tasks: Sequence[str] = (),
    together: bool = False,
    force: bool = False,
) -> None:
    """Play each cell seed by seed with a display, then print one table for each cell and the flags, or all as JSON.

    tasks: other tasks, on which the side effects of the training are measured. together: the cells of one game are the
    attacks of a trainer who takes the best; they are printed as one ladder instead of one table for each.
    Cells whose zero-shot accuracy leaves too little to gain are skipped before anything dear, unless `force`. Raises
    UserError where no other cell is left.
    """
    from bench.cli.display import RunDisplay, ladder_table, summary_table
    from bench.play.side_effects import play_with_side_effects
    from bench.play.zero_shot import NothingToGain, check_zero_shot
    from bench.tables.flags import MARK, flag_runs
    from bench.tables.ladders import compute_run_ladders
    from bench.tables.records import run_as_json
    from bench.tables.runs import load_runs
    from bench.tables.summary import summarize
    from bench.threads import read_threads

    read_threads()  # so that a bad value is an error before the first stage
    played: list[list[Run]] = []
    skipped: dict[tuple[str, str], NothingToGain] = {}
    for cell in cells:
        data_and_victim = (cell[0].dataset, cell[0].victim)
        if data_and_victim in skipped:
            continue
        try:
            with RunDisplay(quiet=as_json) as display:
                rows = []
                for number, spec in enumerate(cell, start=1):
                    seed = f"seed {spec.seed} ({number}/{len(cell)})"
                    display.heading(f"{spec.defense.name} × {spec.attack.name}, {seed}")

                    def tell(accuracy: float, spec: "RunSpec" = spec) -> None:
                        display.zero_shot(accuracy)
                        if not force:
                            check_zero_shot(spec, accuracy)

                    rows.append(play_with_side_effects(spec, tasks, display.stage, tell))
        except NothingToGain as error:
            skipped[data_and_victim] = error
            continue
        played.append(rows)
        if not as_json and not together:
            display.console.print(summary_table(rows, display.reused))
    if not played:
        raise next(iter(skipped.values()))
    for reason in skipped.values():
        echo(f"skipped: {reason}", err=True)
    all_rows = [row for rows in played for row in rows]
    ladders = list(compute_run_ladders(all_rows)) if together else []
    flags = flag_runs(load_runs(), {row.id for row in all_rows})
    if as_json:
        document: dict[str, Any] = {
            "runs": [run_as_json(row) for row in all_rows],
            "summaries": [summarize(rows)._asdict() for rows in played],
            "flags": [flag._asdict() for flag in flags],
        }
        if together:
            document["best"] = [
                {"defense": defense, **game._asdict(), "steps": [step.to_json() for step in steps]}
                for game, defense, steps in ladders
            ]
        echo(json.dumps(document, indent=1))
        return
    for game, defense, steps in ladders:
        display.console.print(ladder_table(game, defense, steps))
    for flag in flags:
        display.console.print(plain(f"{MARK} {flag.kind}: {flag.text}"), soft_wrap=True)
