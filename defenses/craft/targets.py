"""Wrong answers that are possible: each answer is exchanged for another one to the same kind of question."""

from collections.abc import Sequence

from numpy.random import Generator

from bench.errors import UserError
from bench.samples import Sample, SampleSet
from bench.scoring.matching import normalise


def question_kind(sample: Sample) -> tuple[str, int, str]:
    """Return the kind of a question: its rule, and its number of choices or its first word."""
    opening = "" if sample.choices else sample.question.split()[0].lower()
    return sample.rule, len(sample.choices), opening


def choose_wrong_answers(samples: SampleSet, rng: Generator) -> list[str]:
    """Return a wrong answer for each sample: the next one in a random cycle of the answers to its kind of question.

    It stands for TAP's next class, (y + 1) mod K; equal answers get equal wrong ones. A kind with a single answer uses
    the cycle of all answers. Raises UserError if all samples have the same answer.
    """
    all_answers = _random_cycle(samples, rng)
    if len(all_answers) < 2:
        raise UserError(f"answers: all are {samples[0].answer!r}; allowed: two or more, or there is no wrong one")
    by_kind: dict[tuple[str, int, str], list[Sample]] = {}
    for sample in samples:
        by_kind.setdefault(question_kind(sample), []).append(sample)
    cycles = {kind: _random_cycle(group, rng) for kind, group in by_kind.items()}
    wrong = []
    for sample in samples:
        cycle = cycles[question_kind(sample)]
        wrong.append((cycle if len(cycle) > 1 else all_answers)[normalise(sample.answer)])
    return wrong


def _random_cycle(samples: Sequence[Sample], rng: Generator) -> dict[str, str]:
    """Return, for each normalised answer, the next one in a random cycle, as it was spelled first."""
    spelling: dict[str, str] = {}
    for sample in samples:
        spelling.setdefault(normalise(sample.answer), sample.answer)
    order = [str(key) for key in rng.permutation(sorted(spelling))]
    return {key: spelling[following] for key, following in zip(order, order[1:] + order[:1], strict=True)}
