"""Print the tables of docs/results.md on data sets: python -m reports.gains [NAME ...]

`bench suite run datasets` plays the runs. Each victim is shown with its least seed, on all of the test split.
"""

import sys
from collections.abc import Iterator

from bench import results
from bench.datasets.cards import EMBEDDED
from bench.errors import UserError
from bench.results.answers import find_answers
from bench.scoring.protection import Score, choose_baseline
from bench.scoring.stats import Estimate
from bench.tables.seeds import Evaluations, score_seeds
from reports import markdown

TITLES = ("data set", "victim", "zero-shot", "lenient", "format only", "clean", "gain", "gain over format", "eligible")


def points(difference: Estimate) -> str:
    """Return a difference of accuracies in points, with its interval."""
    return markdown.interval((100 * number for number in difference), digits=1)


def compute_score(run: results.Run, baseline: str) -> Score:
    """Return the score of one run beside one of its baselines. Raises UserError where its answers are not here."""
    score = score_seeds([Evaluations(run.stages[baseline], run.stages["clean"], run.stages["evaluate"])])
    if score is None:
        raise UserError("runs: their answers are not on this machine; play them again with `bench suite run datasets`")
    return score


def lenient_zero_shot(run: results.Run) -> float:
    """Return the zero-shot accuracy where the format of an answer does not count."""
    answers = find_answers(run.stages["zero"])
    assert answers is not None, "`compute_score` has read them"
    return float(answers.read()["lenient"].mean())


def row(clean: results.Run) -> list[str]:
    """Return the row of a data set and victim."""
    above_zero, above_format = compute_score(clean, "zero"), compute_score(clean, "format")
    return [
        clean.dataset,
        clean.victim,
        f"{clean.utility_zero:.1%}",
        f"{lenient_zero_shot(clean):.1%}",
        f"{(clean.baselines or {})['format']['test']:.1%}",
        f"{clean.utility_clean:.1%}",
        points(above_zero.gain),
        points(above_format.gain),
        "yes" if clean.eligible else "no",
    ]


def gains(runs: list[results.Run], names: list[str]) -> Iterator[list[str]]:
    """Yield a row for each of the data sets `names` and each victim that was fine-tuned on it without options."""
    plain = [
        r for r in runs if (r.defense, r.attack, r.threat) == ("none", "lora_sft", "white") and not r.attack_options
    ]
    plain.sort(key=lambda r: -r.seed)
    least_seed = {(r.dataset, r.victim): r for r in plain if r.dataset in names}
    for run in sorted(least_seed.values(), key=lambda r: (names.index(r.dataset), r.victim)):
        yield row(run)


def controls(runs: list[results.Run], names: list[str]) -> Iterator[list[str]]:
    """Yield the protection of random noise on each data set and victim, which should be 0."""
    noise = [r for r in runs if r.defense == "random_noise" and r.attack == "lora_sft" and r.dataset in names]
    for run in sorted(noise, key=lambda r: (r.dataset, r.victim, r.seed)):
        protection = compute_score(run, choose_baseline(run.baselines or {})).protection
        if protection is not None:
            yield [run.dataset, run.victim, markdown.interval(protection)]


def main(names: list[str]) -> None:
    """Print both tables for the data sets `names`."""
    runs = results.load()
    print(markdown.table(TITLES, gains(runs, names)))
    print("\n" + markdown.table(("data set", "victim", "protection of `random_noise`"), controls(runs, names)))


if __name__ == "__main__":
    main(sys.argv[1:] or list(EMBEDDED))
