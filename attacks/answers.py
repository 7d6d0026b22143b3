"""The victim's own greedy answers to samples' questions."""

from collections.abc import Sequence

from bench.lvlm.base import LVLM
from bench.samples import Sample

BATCH = 96


def generate_answers(victim: LVLM, samples: Sequence[Sample], max_new_tokens: int = 16) -> list[str]:
    """Return one answer for each sample, in order, with the adapter that is on the victim, if any."""
    answers: list[str] = []
    for start in range(0, len(samples), BATCH):
        batch = samples[start : start + BATCH]
        answers += victim.generate([s.question for s in batch], [s.pixels for s in batch], max_new_tokens)
    return answers
