"""The controls: noise and words at the full budget that come from the seed alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.samples import Sample, SampleSet
from bench.scoring.matching import normalise
from bench.spec import Budget, Method
from bench.stages.audit import audit
from bench.words import plain_words
from defenses import REGISTRY


def play(name: str, samples: SampleSet, budget: Budget, surrogates: tuple[LVLM, ...] = (), seed: int = 0) -> SampleSet:
    defense = REGISTRY.build(Method(name=name))
    return defense.protect(samples, surrogates, budget, np.random.default_rng(seed), lambda *_: None).samples


def plain(level: int, name: str = "a") -> Sample:
    return Sample(name, name, np.full((40, 50, 3), level, np.uint8), "What is this?", "cat")


def noise(clean: SampleSet, released: SampleSet) -> list[np.ndarray]:
    return [b.pixels.astype(int) - a.pixels for a, b in zip(clean, released, strict=True)]


def test_nothing_is_the_samples_themselves(samples: SampleSet) -> None:
    assert play("none", samples, Budget()).digest == samples.digest


@given(st.integers(0, 255), st.integers(0, 255))
def test_noise_holds_its_budget_and_uses_all_of_it(epsilon: int, level: int) -> None:
    clean = SampleSet((plain(level),))
    (moved,) = noise(clean, play("random_noise", clean, Budget(epsilon=epsilon)))
    assert moved.min() >= max(-epsilon, -level) and moved.max() <= min(epsilon, 255 - level)
    if epsilon <= 64:
        assert (moved.min(), moved.max()) == (max(-epsilon, -level), min(epsilon, 255 - level))


@pytest.mark.parametrize("epsilon", [1, 8, 32])
def test_noise_is_uniform_over_the_levels(epsilon: int) -> None:
    clean = SampleSet((plain(128),))
    (moved,) = noise(clean, play("random_noise", clean, Budget(epsilon=epsilon)))
    assert abs(moved).mean() == pytest.approx(epsilon * (epsilon + 1) / (2 * epsilon + 1), rel=0.05)
    assert abs(moved.mean()) < 0.05 * epsilon
    counts = np.bincount((moved + epsilon).ravel(), minlength=2 * epsilon + 1)
    assert counts.min() > 0.5 * counts.mean() and counts.max() < 1.5 * counts.mean()


def test_each_picture_has_its_own_noise_and_its_questions_share_it() -> None:
    first, second = plain(128, "a"), plain(128, "b")
    clean = SampleSet((first, second, replace(first, id="c", question="Name it.")))
    one, other, again = noise(clean, play("random_noise", clean, Budget()))
    assert np.array_equal(one, again)
    assert (one != other).mean() > 0.9
    assert not np.array_equal(one[..., 0], one[..., 1]), "channels too"
    assert not np.array_equal(one[0], one[1]), "rows too"


def test_noise_is_a_function_of_the_seed_and_not_of_the_surrogates(samples: SampleSet, llava: LVLM, qwen: LVLM) -> None:
    digests = [play("random_noise", samples, Budget(), known).digest for known in ((), (llava,), (qwen, llava))]
    assert len(set(digests)) == 1
    assert play("random_noise", samples, Budget(), seed=1).digest not in digests


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 64), st.integers(0, 99))
def test_a_trigger_is_so_many_admissible_words_between_the_questions_own(
    llava: LVLM, samples: SampleSet, words: int, seed: int
) -> None:
    admissible = set(plain_words([llava.tokenizer]))
    released = play("random_trigger", SampleSet(samples[:6]), Budget(words=words), (llava,), seed)
    for before, after in zip(samples[:6], released, strict=True):
        own, now = before.question.split(), after.question.split(" ")
        assert len(now) == len(own) + words
        rest = iter(now)
        assert all(word in rest for word in own), "in order"
        added = list(now)
        for word in own:
            added.remove(word)
        assert set(added) <= admissible
        assert after.pixels is before.pixels
        assert (after.id, after.image_id, after.answer) == (before.id, before.image_id, before.answer)


def test_triggers_differ_between_samples_and_seeds_and_stand_anywhere(llava: LVLM, samples: SampleSet) -> None:
    same = SampleSet(tuple(replace(samples[0], id=str(i)) for i in range(40)))
    one, again, other = (play("random_trigger", same, Budget(words=2), (llava,), seed) for seed in (0, 0, 1))
    assert one.digest == again.digest != other.digest
    assert len({s.question for s in one}) == 40
    first, last = same[0].question.split()[0], same[0].question.split()[-1]
    assert 0 < sum(s.question.startswith(f"{first} ") for s in one) < 40
    assert 0 < sum(s.question.endswith(f" {last}") for s in one) < 40


def test_wrong_answers_change_every_answer_and_nothing_else(samples: SampleSet) -> None:
    released = play("wrong_answers", samples, Budget())
    for before, after in zip(samples, released, strict=True):
        assert normalise(after.answer) != normalise(before.answer)
        assert (after.id, after.image_id, after.question) == (before.id, before.image_id, before.question)
        assert np.array_equal(after.pixels, before.pixels)
    assert {s.answer for s in released} == {s.answer for s in samples}


def test_wrong_answers_pass_the_audit_as_a_control_alone(samples: SampleSet, tmp_path: Path) -> None:
    play("wrong_answers", samples, Budget()).save(tmp_path / "release")
    released = SampleSet.load(tmp_path / "release")
    report = audit(samples, released, Budget(epsilon=0, words=0), "wrong_answers" in REGISTRY.controls)
    assert report["answers"] == len(samples)
    with pytest.raises(UserError, match=f"{len(samples)} answers changed"):
        audit(samples, released, Budget(), "em" in REGISTRY.controls)
