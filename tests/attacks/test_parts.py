"""Every part on one release: it changes something, repeats with the same seed, and returns whole samples."""

from collections.abc import Callable

import numpy as np
import pytest

from attacks import REGISTRY
from attacks.parts import PARTS, Knowledge, Part
from bench.datasets import load
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY as DEFENSES

QUICK = {"bridge": {"steps": 3, "width": 4, "depth": 2}}
"""Options that only save time."""


def protect(name: str, samples: SampleSet, victim: LVLM) -> SampleSet:
    defense = DEFENSES.build(Method(name=name))
    return defense.protect(samples, [victim], Budget(), np.random.default_rng(0), lambda *_: None).samples


@pytest.fixture(scope="module")
def clean(samples: SampleSet) -> SampleSet:
    return SampleSet(samples[:12])


@pytest.fixture(scope="module")
def released(clean: SampleSet, llava: LVLM) -> SampleSet:
    """Random noise and random words."""
    return protect("random_trigger", protect("random_noise", clean, llava), llava)


@pytest.fixture(scope="module")
def knowledge(clean: SampleSet, llava: LVLM) -> Knowledge:
    own = SampleSet(load("emoji_catalog", "validation").samples[:12])
    return Knowledge(llava, own, owner=clean, queried=protect("random_noise", own, llava))


@pytest.fixture(params=sorted(PARTS.catalog))
def apply(request: pytest.FixtureRequest, released: SampleSet, knowledge: Knowledge) -> Callable[[int], SampleSet]:
    """A function of the seed that prepares the release with a part, and augments each picture once."""
    part: Part = PARTS.build(Method(name=request.param, options=QUICK.get(request.param, {})))

    def prepare_and_augment(seed: int) -> SampleSet:
        rng = np.random.default_rng(seed)
        prepared = part.prepare(released, knowledge, rng)
        return SampleSet(tuple(s.with_release(part.augment(s.pixels, rng), s.question) for s in prepared))

    return prepare_and_augment


def test_a_part_changes_something_and_repeats(apply: Callable[[int], SampleSet], released: SampleSet) -> None:
    first = apply(0)
    assert first.digest != released.digest, "an identity"
    assert first.digest == apply(0).digest


def test_a_part_leaves_whole_samples_and_does_not_touch_the_release(
    apply: Callable[[int], SampleSet], released: SampleSet
) -> None:
    before = released.digest
    done = apply(0)
    assert SampleSet(tuple(released)).digest == before
    assert len({s.id for s in done}) == len(done) > 0
    sizes = {s.pixels.shape for s in released}
    for s in done:
        assert s.pixels.dtype == np.uint8 and s.pixels.shape in sizes
        assert s.question.strip() and s.answer.strip()


def test_only_parts_that_override_augment_are_run_in_every_step() -> None:
    augmenting = {name for name in PARTS.catalog if PARTS.build(Method(name=name)).augments}
    assert {"crop_color", "ueraser"} <= augmenting and not {"jpeg", "mix_clean", "relabel"} & augmenting


def test_parts_are_applied_in_the_order_of_their_names(released: SampleSet, knowledge: Knowledge) -> None:
    """`gray+jpeg` is not `jpeg+gray`: neither in what it does nor in its name."""
    found = {}
    for name in ("lora_sft+gray+jpeg", "lora_sft+jpeg+gray"):
        attack = REGISTRY.build(Method(name=name))
        by_hand = released
        for part in name.split("+")[1:]:
            by_hand = PARTS.build(Method(name=part)).prepare(by_hand, knowledge, np.random.default_rng(0))
        found[name] = attack.prepare(released, knowledge, np.random.default_rng(0)).digest
        assert found[name] == by_hand.digest
    assert len(set(found.values())) == 2
    assert len({REGISTRY.code(name) for name in found}) == 2
