"""The trainer's ladder: attacks tried from the cheapest on, with the best so far and the cost of all of them.

The best is chosen by validation score, because that is all a trainer can see. A test score is only reported.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bench.scoring.stats import Estimate

PLAIN = "lora_sft"
"""The attack whose cost is 1."""


class AttackResult(NamedTuple):
    """One attack on one release, as means over seeds.

    seconds: time to prepare and to train, without the owner's time to answer queries. validation: score in [0,1] on the
    trainer's own clean data. gain: test score above the baseline. protection: on the test split, beside the same attack
    on clean data; None where it is not defined.
    """

    attack: str
    seconds: float
    validation: float
    gain: float
    protection: Estimate | None


class Step(NamedTuple):
    """One attack more: the `latest` attack, and the `best` of all attacks tried until now.

    cost: of the latest attack; total: of all until now. Both are counted in trainings with `lora_sft`. protection: with
    the best of all until now on the release, and the best of the same attacks on clean data; None where it is not
    defined or not computed.
    """

    latest: AttackResult
    cost: float
    total: float
    best: AttackResult
    protection: Estimate | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the step as plain JSON, with the latest attack under "tried"."""
        latest, best = self.latest._asdict(), self.best._asdict()
        step = {"tried": latest, "cost": self.cost, "total": self.total, "best": best}
        return {**step, "protection": self.protection}


def climb(attacks: Sequence[AttackResult]) -> list[Step]:
    """Return one step for each attack, in the order of cost and with `lora_sft` first.

    A tie on validation goes to the attack that was tried earlier. Raises StopIteration where `lora_sft` is missing,
    since costs are counted in it.

    >>> plain = AttackResult("lora_sft", seconds=10, validation=0.5, gain=0.4, protection=None)
    >>> jpeg = AttackResult("lora_sft+jpeg", seconds=15, validation=0.6, gain=0.3, protection=None)
    >>> [(step.latest.attack, step.total, step.best.attack) for step in climb([jpeg, plain])]
    [('lora_sft', 1.0, 'lora_sft'), ('lora_sft+jpeg', 2.5, 'lora_sft+jpeg')]
    """
    unit = next(attack.seconds for attack in attacks if attack.attack == PLAIN)
    steps: list[Step] = []
    best: AttackResult | None = None
    total = 0.0
    for latest in sorted(attacks, key=lambda attack: (attack.attack != PLAIN, attack.seconds)):
        cost = latest.seconds / unit
        total += cost
        if best is None or latest.validation > best.validation:
            best = latest
        steps.append(Step(latest, cost, total, best))
    return steps
