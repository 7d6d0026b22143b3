"""What fine-tuning gains on each data set, in Markdown, from the results at hand: python reports/gains.py [NAME ...]

`bench suite run datasets` plays the runs. The least seed of each victim is shown; all of the test split.
"""

import sys

from bench import results
from bench.datasets.cards import EMBEDDED
from bench.errors import UserError
from bench.play.run import predictions
from bench.scoring.protection import Score
from bench.scoring.stats import Estimate
from bench.store.artifacts import look
from bench.tables.summary import over_seeds

HEAD = ("data set", "victim", "zero-shot", "lenient", "format only", "clean", "gain", "gain over format", "eligible")


def points(estimate: Estimate) -> str:
    """A difference of accuracies, in points, with its interval."""
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * number for number in estimate))


def judged(stages: dict[str, str]) -> Score:
    """The score of one run's kept answers. Raises UserError where they are not on this machine."""
    score = over_seeds([stages])
    if score is None:
        raise UserError("runs: their answers are not on this machine; play them again with `bench suite run datasets`")
    return score


def lenient(run: results.Run) -> float:
    """Zero-shot accuracy where the format of an answer does not count."""
    artifact = look("evaluate", run.stages["zero"])
    assert artifact is not None, "`judged` has read it"
    return float(predictions(artifact.folder)["lenient"].mean())


def row(clean: results.Run, control: results.Run | None) -> list[str]:
    """The cells of one data set and victim; those of the control are empty where it was not played."""
    score, over = judged(clean.stages), ""
    if control is not None:
        over = points(judged({**clean.stages, "zero": control.stages["evaluate"]}).gain)
    return [
        clean.dataset,
        clean.victim,
        f"{clean.utility_zero:.1%}",
        f"{lenient(clean):.1%}",
        "" if control is None else f"{control.utility:.1%}",
        f"{clean.utility_clean:.1%}",
        points(score.gain),
        over,
        "yes" if score.eligible else "no",
    ]


def table(runs: list[results.Run], names: list[str]) -> list[list[str]]:
    """A row for each of the data sets `names` and each victim that was fine-tuned on it without options."""
    runs = [r for r in runs if r.defense == "none" and r.threat == "white" and not r.attack_options]
    runs.sort(key=lambda r: -r.seed)
    played = {(r.attack, r.dataset, r.victim, r.seed): r for r in runs}
    least = {(r.dataset, r.victim): r for r in runs if r.attack == "lora_sft" and r.dataset in names}
    clean = sorted(least.values(), key=lambda r: (names.index(r.dataset), r.victim))
    return [row(r, played.get(("format_only", r.dataset, r.victim, r.seed))) for r in clean]


def main(names: list[str]) -> None:
    """Print the table, then the protection of random noise, which should be 0."""
    runs = results.load()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for cells in table(runs, names):
        print(f"| {' | '.join(cells)} |")
    print("\n| data set | victim | protection of `random_noise` |\n|---|---|---|")
    noise = [r for r in runs if (r.defense, r.attack) == ("random_noise", "lora_sft") and r.dataset in names]
    for run in sorted(noise, key=lambda r: (r.dataset, r.victim, r.seed)):
        if (score := judged(run.stages).protection) is not None:
            print("| {} | {} | {:+.2f} [{:+.2f}, {:+.2f}] |".format(run.dataset, run.victim, *score))


if __name__ == "__main__":
    main(sys.argv[1:] or list(EMBEDDED))
