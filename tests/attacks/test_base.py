"""What every attack is by default, and the attack that does nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

from attacks import REGISTRY
from attacks.base import Attack
from attacks.none import Nothing
from attacks.parts import Card, Knowledge
from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Method, Options, RunSpec
from bench.stages import stages


class Halving(Attack):
    """Trains on half of a release, chosen at random."""

    name = "halving"
    card = Card("K0", 0.5, "nothing", "a toy")

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """Half of it."""
        chosen = sorted(rng.choice(len(released), len(released) // 2, replace=False).tolist())
        return SampleSet(tuple(released[i] for i in chosen))

    def tune(self, *_: Any) -> list[dict[str, Any]]:
        """No learning curve."""
        return []


def test_an_attack_must_train() -> None:
    with pytest.raises(TypeError, match="tune"):
        Attack(Options())  # type: ignore[abstract]


def test_a_release_is_taken_as_it_is_unless_an_attack_prepares_it(llava: LVLM, samples: SampleSet) -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    own = Knowledge(llava, samples)
    assert Nothing(Options()).prepare(samples, own, rng) is samples
    assert rng.bit_generator.state == before
    assert len(Halving(Options()).prepare(samples, own, rng)) == 12


def test_every_attack_has_a_card_and_trains_but_none() -> None:
    assert Halving.trains
    for name in REGISTRY.catalog:
        attack = REGISTRY.get(name)
        assert attack.card.knowledge in {"K0", "K1", "K2", "K3", "K4"}
        assert (attack.card.cost > 0) is attack.trains
        assert attack.card.against and attack.card.source
        assert attack.trains is (name != "none")


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
    assert stages.attack(spec, stages.protect(spec), spec.attack) is None
