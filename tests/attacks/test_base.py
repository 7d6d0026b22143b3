"""The defaults of every attack, and the attack that does nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

from attacks import REGISTRY
from attacks.base import Attack
from attacks.controls import NoAttack
from attacks.parts import AttackCard, Knowledge
from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Method, Options, RunSpec
from bench.stages import attack, protect


class Halving(Attack):
    """Trains on half of a release, chosen at random."""

    name = "halving"
    card = AttackCard("K0", 0.5, "nothing", "a toy")

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Return half of it."""
        indices = sorted(rng.choice(len(released), len(released) // 2, replace=False).tolist())
        return SampleSet(tuple(released[i] for i in indices))

    def tune(self, *_: Any) -> list[dict[str, Any]]:
        """Return no learning curve."""
        return []


def test_an_attack_must_train() -> None:
    with pytest.raises(TypeError, match="tune"):
        Attack(Options())  # type: ignore[abstract]


def test_a_release_is_taken_as_it_is_unless_an_attack_prepares_it(llava: LVLM, samples: SampleSet) -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    knowledge = Knowledge(llava, samples)
    assert NoAttack(Options()).prepare(samples, knowledge, rng) is samples
    assert rng.bit_generator.state == before
    assert len(Halving(Options()).prepare(samples, knowledge, rng)) == 12


def test_every_attack_has_a_card_and_costs_something_if_it_trains() -> None:
    assert Halving.trains
    for name in REGISTRY.catalog:
        cls = REGISTRY.get(name)
        assert cls.card.knowledge in {"K0", "K1", "K2", "K3", "K4"}
        assert (cls.card.cost > 0) is cls.trains
        assert cls.card.against and cls.card.source
    assert not REGISTRY.get("none").trains


def test_no_attack_takes_no_options() -> None:
    with pytest.raises(UserError, match=r"attack none, option epochs=3: .*options: none"):
        REGISTRY.build(Method(name="none", options={"epochs": 3}))


def test_no_attack_leaves_victim_and_folder_alone(llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    before = {key: value.clone() for key, value in llava.model.state_dict().items()}
    attack = REGISTRY.build(Method(name="none"))
    assert attack.tune(llava, samples, samples, 0, tmp_path, lambda *_: pytest.fail("progress of nothing")) == []
    assert not list(tmp_path.iterdir())
    assert all(value.equal(before[key]) for key, value in llava.model.state_dict().items())


def test_no_attack_gives_no_adapter() -> None:
    spec = RunSpec(defense=Method(name="none"), attack=Method(name="none"), dataset="emoji_smoke")
    assert attack.stage(spec, protect.stage(spec), spec.attack) is None
