"""TAP lowers the loss of its wrong answers, and more than that of the right ones."""

from dataclasses import replace

import numpy as np

from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Budget
from defenses.craft.draft import Targets
from defenses.tap import TapOptions, TargetedPoisoning
from tests.defenses.test_claims import loss


class Watched(TargetedPoisoning):
    """Keeps the wrong answers for the test."""

    def choose_targets(self, *arguments: object) -> Targets:
        """Draw them as always."""
        self.wrong = super().choose_targets(*arguments)  # type: ignore[arg-type]
        return self.wrong


def test_tap_lowers_the_loss_of_its_wrong_answers(victim: LVLM, few: SampleSet) -> None:
    defense = Watched(TapOptions(image_steps=8, inner_steps=2))
    released = defense.protect(few, [victim], Budget(), np.random.default_rng(0), lambda *_: None).samples
    answers = defense.wrong.answers
    assert not any(wrong == s.answer for wrong, s in zip(answers, few, strict=True))
    assert [s.answer for s in released] == [s.answer for s in few], "the release keeps the true ones"

    def wrong_loss(samples: SampleSet) -> float:
        pairs = zip(samples, answers, strict=True)
        return loss(victim, SampleSet(tuple(replace(s, answer=wrong) for s, wrong in pairs)))

    assert wrong_loss(released) < 0.98 * wrong_loss(few)
    assert loss(victim, released) - loss(victim, few) > wrong_loss(released) - wrong_loss(few)


def test_a_defense_can_be_used_twice(victim: LVLM, few: SampleSet) -> None:
    defense = TargetedPoisoning(TapOptions(image_steps=1, inner_steps=1))
    first, second = (
        defense.protect(few, [victim], Budget(), np.random.default_rng(0), lambda *_: None).samples for _ in range(2)
    )
    assert first.digest == second.digest
    assert vars(defense).keys() == {"options"}, "nothing of a release stays on the defense"
