"""Ask whether inserted words protect pictures or only disturb the form of a question: python -m studies.words_at_test

A victim is fine-tuned on clean questions, and on questions with random words. Each is asked the test questions as they
are, and with other random words. If the second model is right where words stand in the question, it has learned the
pictures: what looked like protection is a trainer's questions that differ in form from those of the test.
"""

import numpy as np
import typer

from attacks.answers import generate_answers
from bench.lvlm.adapters import use_adapter
from bench.lvlm.catalog import load_once
from bench.play.roles import PLAIN
from bench.runtime import prepare
from bench.samples import SampleSet
from bench.scoring.rules import strict_score
from bench.spec import Budget, Method, RunSpec
from bench.stages import attack, dataset, protect
from defenses import REGISTRY

WORDS = Method(name="random_trigger")


def insert_words(samples: SampleSet, victim: str, seed: int) -> SampleSet:
    """Return samples with random words in their questions, drawn by `seed`."""
    words = REGISTRY.build(WORDS)
    rng = np.random.default_rng([seed, *b"words at test"])
    return words.protect(samples, [load_once(victim)], Budget(), rng, lambda *_: None).samples


def measure_accuracy(victim: str, samples: SampleSet, tokens: int) -> str:
    """Return the share of right answers, in per cent, with the half width of its 95 % interval."""
    answers = generate_answers(load_once(victim), samples, tokens)
    scores = [strict_score(answer, s) for answer, s in zip(answers, samples, strict=True)]
    mean, error = np.mean(scores), np.std(scores) / len(scores) ** 0.5
    return f"{100 * mean:.1f} ± {196 * error:.1f}"


def main(dataset_name: str = "scenes", victim: str = "tiny-internvl-64", seed: int = 0, tokens: int = 16) -> None:
    """Print one Markdown row for each model."""
    prepare()
    test = SampleSet.load(dataset.stage(dataset_name, "test").make().folder)
    asked = (test, insert_words(test, victim, seed))
    print("| trained on | asked as it is, % | asked with random words, % |\n|---|---|---|", flush=True)
    for title, defense in (("clean questions", Method(name="none")), ("questions with random words", WORDS)):
        spec = RunSpec(defense=defense, attack=PLAIN, dataset=dataset_name, victim=victim, seed=seed)
        adapter = attack.stage(spec, protect.stage(spec), PLAIN)
        assert adapter is not None, "the plain attack trains"
        folder = adapter.make().folder
        with use_adapter(load_once(victim), folder):
            accuracies = [measure_accuracy(victim, samples, tokens) for samples in asked]
        print(f"| {title} | {' | '.join(accuracies)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
