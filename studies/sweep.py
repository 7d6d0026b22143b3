"""Vary one setting of a defense and measure it on the validation split. Defaults are chosen so, and never on test.

python -m studies.sweep em image_steps 2,4,8,16
python -m studies.sweep mmguard epsilon 2,4,8,16 --threat black -o rounds=4
"""

from typing import Annotated

import typer

from bench.cli import parse
from bench.play.roles import NO_DEFENSE, PLAIN
from bench.play.run import score_answers
from bench.spec import Budget, Method, RunSpec, Threat
from bench.stages import attack, evaluate, protect
from bench.store.predictions import read_table
from reports import markdown


def row(spec: RunSpec) -> str:
    """Return the cells of one value: validation accuracy, protection, last losses, and seconds of crafting."""
    release = protect.stage(spec)
    clean_release = protect.stage(spec.model_copy(update={"defense": NO_DEFENSE}))
    adapters = (None, attack.stage(spec, clean_release, PLAIN), attack.stage(spec, release, PLAIN))
    zero, clean, protected = (read_table(evaluate.stage(spec, a, "validation").make().folder) for a in adapters)
    score = score_answers([(zero, clean, protected)])
    assert score.protection is not None, "the victims gain from clean data"
    artifact = release.make()
    losses = artifact.read("log.json").get("history", [{}])[-1]
    inner, outer = (losses.get(name, float("nan")) for name in ("inner", "outer"))
    accuracy, seconds = protected["score"].mean(), artifact.cost["seconds"]
    return f"{accuracy:.1%} | {markdown.interval(score.protection)} | {inner:.2f} | {outer:.2f} | {seconds:.0f}"


def main(
    defense: str,
    setting: str,
    values: str,
    threat: Threat = "white",
    surrogates: str | None = None,
    victim: str = "tiny-llava-a",
    seed: int = 0,
    option: Annotated[list[str] | None, typer.Option("-o")] = None,
) -> None:
    """Print one Markdown row for each value of `setting`, which is an option of the defense, or epsilon."""
    print(f"| {setting} | accuracy | protection | inner loss | outer loss | seconds |\n|---|---|---|---|---|---|")
    for value in values.split(","):
        options, budget = parse.options(option or []), Budget()
        if setting == "epsilon":
            budget = Budget(epsilon=int(value))
        else:
            options |= parse.options([f"{setting}={value}"])
        spec = RunSpec(
            defense=Method(name=defense, options=options),
            attack=PLAIN,
            victim=victim,
            threat=threat,
            surrogates=parse.names(surrogates),
            seed=seed,
            budget=budget,
        )
        print(f"| {value} | {row(spec)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
