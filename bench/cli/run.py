"""`bench run`: play one cell of the benchmark, for one seed or several."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bench.errors import UserError

if TYPE_CHECKING:
    from bench.results.rows import Run
    from bench.spec import RunSpec


def run(
    defense: Annotated[str, typer.Option(help="what the owner does; see `bench list`")],
    attack: Annotated[
        str,
        typer.Option(
            help="what the trainer does, lora_sft+jpeg(quality=30) for example, see `bench list`; best: a whole set"
        ),
    ],
    dataset: Annotated[str, typer.Option(help="a name of `bench list`, or a path to your own data")] = "emoji_catalog",
    victim: Annotated[
        str, typer.Option(help="a name of `bench list`, a checkpoint folder or org/name; @bf16, @fp16, @4bit")
    ] = "tiny-llava-a",
    threat: Annotated[str, typer.Option(help="white, gray or black: what the owner knows of the victim")] = "white",
    surrogates: Annotated[
        str | None, typer.Option(help="the owner's models by name, with commas, instead of the threat model's own")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="one seed")] = 0,
    seeds: Annotated[str | None, typer.Option(help="several seeds, for example 0,1,2")] = None,
    epsilon: Annotated[str, typer.Option(help="L-infinity budget, for example 8/255")] = "8/255",
    words: Annotated[int, typer.Option(min=0, max=64, help="words that may be inserted into a question")] = 5,
    option: Annotated[list[str] | None, typer.Option("-o", "--option", help="defense option key=value")] = None,
    attack_option: Annotated[
        list[str] | None, typer.Option("-a", "--attack-option", help="attack option key=value")
    ] = None,
    side_effects: Annotated[
        str | None,
        typer.Option(
            help="what training did to other tasks: data sets, or lm-eval's tasks about pictures, with commas"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print results as JSON")] = False,
) -> None:
    """Protect, attack, evaluate and score. Finished stages are reused; a killed run continues where it was."""
    from attacks.grammar import BEST, expand_best
    from bench.cli import parse

    if attack == BEST and attack_option:
        raise UserError(f"attack_option: {attack_option[0]!r}; allowed: none with --attack best, a set of attacks")
    dataset = parse.dataset(dataset)
    cells = [
        [
            parse.spec(
                defense=defense,
                attack=one,
                dataset=dataset,
                victim=victim,
                threat=threat,
                surrogates=surrogates,
                seed=number,
                epsilon=parse.epsilon(epsilon),
                words=words,
                options=parse.options(option or []),
                attack_options=parse.options(attack_option or []),
            )
            for number in parse.seeds(seed, seeds)
        ]
        for one in expand_best(attack)
    ]
    play(cells, as_json=as_json, tasks=parse.tasks(side_effects), together=attack == BEST)


def play(
    cells: Sequence[Sequence["RunSpec"]], *, as_json: bool, tasks: Sequence[str] = (), together: bool = False
) -> None:
    """Play cells, each of them some seeds, with a display; then print one table a cell and the flags, or all as JSON.

    tasks: other tasks, on which the side effects of the training are measured. together: cells that differ in the
    attack alone are those of a trainer who takes the best: one table for them all.
    """
    from bench.cli.display import Display, ladder, table
    from bench.play.side_effects import play as play_one
    from bench.tables import data, flags
    from bench.tables.summary import ladders, record, summary

    played: list[list[Run]] = []
    for cell in cells:
        with Display(quiet=as_json) as display:
            rows = []
            for number, spec in enumerate(cell, start=1):
                display.heading(f"{spec.defense.name} × {spec.attack.name}, seed {spec.seed} ({number}/{len(cell)})")
                rows.append(play_one(spec, tasks, display.stage))
            played.append(rows)
        if not as_json and not together:
            display.console.print(table(rows, display.reused))
    best = ladders(played) if together else {}
    found = flags.of_runs(data.runs(), {row.id for rows in played for row in rows})
    if as_json:
        runs, summaries = [record(row) for rows in played for row in rows], [summary(rows)._asdict() for rows in played]
        document = {"runs": runs, "summaries": summaries, "flags": [smell._asdict() for smell in found]}
        told = [{**game._asdict(), "steps": [step.plain() for step in steps]} for game, steps in best.items()]
        typer.echo(json.dumps(document | ({"best": told} if together else {}), indent=1))
        return
    for game, steps in best.items():
        display.console.print(ladder(game, steps))
    for smell in found:
        display.console.print(f"{flags.MARK} {smell.kind}: {smell.text}", soft_wrap=True, markup=False)
