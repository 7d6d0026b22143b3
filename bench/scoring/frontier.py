"""What a trainer gets who tries several attacks: after each of them, the best so far, against what all of them cost."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bench.scoring.stats import Estimate

PLAIN = "lora_sft"
"""The attack whose cost is 1."""


class Tried(NamedTuple):
    """One attack on one release: means over seeds.

    seconds: of preparing and training; the time of a protector that is asked is the owner's. validation: mean score in
    [0,1] on the trainer's own clean data; gain: on the test split, above zero-shot.
    """

    attack: str
    seconds: float
    validation: float
    gain: float
    protection: Estimate | None


class Step(NamedTuple):
    """After one more attack: its `cost` and that of all until now, in trainings with `lora_sft`; the `best` so far."""

    tried: Tried
    cost: float
    total: float
    best: Tried

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**self._asdict(), "tried": self.tried._asdict(), "best": self.best._asdict()}


def frontier(attacks: Sequence[Tried]) -> list[Step]:
    """The attacks in the order of their cost, `lora_sft` first: a trainer begins with what is cheap.

    The best is chosen by validation, which is all that a trainer sees; a tie goes to the attack that was tried before.
    """
    unit = next(tried.seconds for tried in attacks if tried.attack == PLAIN)
    steps: list[Step] = []
    total = 0.0
    for tried in sorted(attacks, key=lambda t: (t.attack != PLAIN, t.seconds)):
        cost = tried.seconds / unit
        total += cost
        best = steps[-1].best if steps and steps[-1].best.validation >= tried.validation else tried
        steps.append(Step(tried, cost, total, best))
    return steps
