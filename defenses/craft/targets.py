"""Wrong answers that could be right: each answer is exchanged for another of the same kind of question."""

from collections.abc import Sequence

from numpy.random import Generator

from bench.errors import UserError
from bench.samples import Sample, SampleSet
from bench.scoring.matching import normalise


def kind(sample: Sample) -> tuple[str, int, str]:
    """What kind of answer a question wants: its rule, and its number of choices or its first word."""
    opening = "" if sample.choices else sample.question.split()[0].lower()
    return sample.rule, len(sample.choices), opening


def deranged(samples: SampleSet, rng: Generator) -> list[str]:
    """A wrong answer for each sample: in each kind of question the answers change places in one random cycle.

    As TAP's next class (y + 1) mod K; equal answers get equal wrong ones. A kind with one answer alone takes part in
    the cycle of all answers. Raises UserError where all samples have the same answer.
    """
    everything = _cycle(samples, rng)
    if len(everything) < 2:
        raise UserError(f"answers: all are {samples[0].answer!r}; allowed: two or more, or there is no wrong one")
    groups: dict[tuple[str, int, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault(kind(sample), []).append(sample)
    cycles = {key: _cycle(group, rng) for key, group in groups.items()}
    found = []
    for sample in samples:
        own = cycles[kind(sample)]
        found.append((own if len(own) > 1 else everything)[normalise(sample.answer)])
    return found


def _cycle(samples: Sequence[Sample], rng: Generator) -> dict[str, str]:
    """From each normalised answer to the next one, as it was written first."""
    written: dict[str, str] = {}
    for sample in samples:
        written.setdefault(normalise(sample.answer), sample.answer)
    order = [str(key) for key in rng.permutation(sorted(written))]
    return {key: written[after] for key, after in zip(order, order[1:] + order[:1], strict=True)}
