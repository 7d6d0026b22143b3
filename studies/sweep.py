"""Protection on the *validation* split over one setting of a defense: how defaults are chosen, never on test.

python studies/sweep.py em image_steps 2,4,8,16
python studies/sweep.py mmguard epsilon 2,4,8,16 --threat black -o rounds=4
"""

from typing import Annotated, Any

import typer

from bench.cli import parse
from bench.play.run import judge, predictions
from bench.spec import Budget, Method, RunSpec
from bench.stages import stages


def cell(spec: RunSpec) -> dict[str, Any]:
    """One row: the release's last losses and cost, and what the trainer reads on his validation split."""
    release = stages.protect(spec)
    none = stages.protect(spec.model_copy(update={"defense": stages.NOTHING}))
    adapters = [None, *(stages.attack(spec, r, stages.CLEAN) for r in (none, release))]
    zero, clean, protected = (predictions(stages.evaluate(spec, a, "validation").make().folder) for a in adapters)
    log = release.make().read("log.json").get("history", [{}])[-1]
    return {
        "accuracy": protected["score"].mean(),
        "protection": judge([(zero, clean, protected)]).protection,
        "inner": log.get("inner", float("nan")),
        "outer": log.get("outer", float("nan")),
        "seconds": release.make().cost["seconds"],
    }


def main(
    defense: str,
    setting: str,
    values: str,
    threat: str = "white",
    surrogates: str | None = None,
    victim: str = "tiny-llava-a",
    seed: int = 0,
    option: Annotated[list[str] | None, typer.Option("-o")] = None,
) -> None:
    """Print one Markdown row a value of `setting` (an option of the defense, or epsilon)."""
    print(f"| {setting} | accuracy | protection | inner loss | outer loss | seconds |\n|---|---|---|---|---|---|")
    for value in values.split(","):
        fixed = parse.options(option or [])
        varied = {} if setting == "epsilon" else parse.options([f"{setting}={value}"])
        budget = Budget(epsilon=int(value)) if setting == "epsilon" else Budget()
        method = Method(name=defense, options={**fixed, **varied})
        spec = RunSpec(
            defense=method, attack=stages.CLEAN, victim=victim, threat=threat, seed=seed, budget=budget,  # type: ignore[arg-type]
            surrogates=parse.names(surrogates),
        )  # fmt: skip
        row = cell(spec)
        value_, low, high = row["protection"]
        print(
            f"| {value} | {row['accuracy']:.1%} | {value_:+.2f} [{low:+.2f}, {high:+.2f}] "
            f"| {row['inner']:.2f} | {row['outer']:.2f} | {row['seconds']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    typer.run(main)
