"""The default recipe of every method: its surrogate learns as a trainer's model does, and its cost is capped."""

from itertools import pairwise

import numpy as np
import pytest

from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
from bench.datasets import load
from bench.lvlm.adapters import lora_config
from bench.lvlm.base import LVLM
from bench.runtime import seed_everything
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.pixel import PixelDefense, PixelOptions
from defenses.craft.surrogates import attach_surrogate
from defenses.craft.trigger import TriggerOptions
from tests.conftest import random_lvlm
from tests.defenses.claims import METHODS, TRIGGERED, accepted, build

CAP = 64
"""The most pixel steps a picture by default, so that methods have one cost; `tap` has more, and its card says so."""

FALL = 0.2
"""The least share by which the adapter steps of a round must lower the loss of the release on the surrogate."""

QUICK: dict[str, object] = {"rounds": 1, "image_steps": 1, "candidates": 1}


def options_of(name: str) -> PixelOptions:
    """Return the default options of a gradient-made method."""
    options = build(name).options
    assert isinstance(options, PixelOptions)
    return options


GRADIENT_MADE = [name for name in METHODS if isinstance(build(name), PixelDefense)]
ADAPTING = [name for name in GRADIENT_MADE if options_of(name).inner_steps]


def test_the_surrogate_is_trained_as_the_plain_trainer_trains(victim: LVLM) -> None:
    ours, theirs = PixelOptions(), LoraSFTOptions()
    assert (ours.inner_lr, ours.inner_rank, ours.inner_batch) == (theirs.lr, theirs.rank, theirs.batch)
    config = lora_config(victim, theirs.rank, theirs.targets)
    assert ours.inner_dropout == config.lora_dropout
    assert PixelDefense(ours).surrogate_lr(victim) == LoraSFT(theirs).peak_rate(victim.recipe)
    with attach_surrogate(victim, ours.inner_rank, ours.inner_dropout, victim.recipe.lora_lr) as surrogate:
        adapted = sum(parameter.numel() for parameter in surrogate.parameters)
        names = [name for name, module in victim.model.named_modules() if hasattr(module, "lora_A")]
    assert any("projector" in name for name in names) and any("language" in name for name in names)
    assert adapted > 0 and not any(hasattr(module, "lora_A") for module in victim.model.modules())


@pytest.mark.parametrize("name", ["em", "sem", "mem", "mmguard"])
def test_the_default_adapter_steps_lower_the_loss_of_the_release(name: str, victim: LVLM) -> None:
    """Before and after them, in each round and for each surrogate, as the log says. The other methods adapt as `em`."""
    samples = SampleSet(load("emoji_catalog", "train").samples[::8])
    defense = REGISTRY.build(Method(name=name, options=accepted(name, QUICK)))
    log = defense.protect(samples, [victim], Budget(), np.random.default_rng(0), lambda *_: None).log
    adaptations = log["adaptations"]
    assert [(a["round"], a["surrogate"]) for a in adaptations] == [(1, victim.name)]
    for adaptation in adaptations:
        assert adaptation["inner_after"] < (1 - FALL) * adaptation["inner_before"], adaptation


def test_the_loss_of_a_release_is_that_of_its_samples_a_few_at_a_time(
    victim: LVLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = SampleSet(load("emoji_catalog", "train").samples[:20])
    sizes: list[int] = []
    forward = victim.forward
    monkeypatch.setattr(
        victim, "forward", lambda encoded, *rest: (sizes.append(len(encoded.ids)), forward(encoded, *rest))[1]
    )

    def loss(few: int) -> float:
        defense = PixelDefense(PixelOptions(inner_batch=few))
        with attach_surrogate(victim, 4, 0.0, 1e-3) as surrogate:
            draft = defense.make_draft(samples, [surrogate], Budget(), 0, np.random.default_rng(0))
            return defense.release_loss(surrogate, draft)

    together = loss(32)
    assert sizes == [20] and together > 0
    assert loss(8) == pytest.approx(together, rel=1e-5)
    assert sizes[1:] == [8, 8, 4]


def test_every_method_but_tap_keeps_to_one_cost() -> None:
    steps = {name: options_of(name).rounds * options_of(name).image_steps for name in GRADIENT_MADE}
    assert 100 <= steps.pop("tap") <= 250
    assert steps.pop("text_trigger") == 0
    assert max(steps.values()) <= CAP and len(set(steps.values())) == 1
    fields = ("rounds", "inner_steps", "inner_lr", "inner_rank", "inner_dropout", "inner_batch")
    recipes = {tuple(getattr(options_of(name), field) for field in fields) for name in ADAPTING if name != "tap"}
    assert len(recipes) == 1


def test_the_log_counts_the_cost(victim: LVLM, few: SampleSet) -> None:
    options = {"rounds": 2, "image_steps": 3, "inner_steps": 4}
    defense = REGISTRY.build(Method(name="em", options=options))
    log = defense.protect(few, [victim], Budget(), np.random.default_rng(0), lambda *_: None).log
    assert (log["image_steps"], log["surrogate_steps"]) == (2 * 3 * len(few), 2 * 4)
    still = REGISTRY.build(Method(name="hypo", options={"image_steps": 1}))
    log = still.protect(few, [victim], Budget(), np.random.default_rng(0), lambda *_: None).log
    assert log["adaptations"] == [] and log["surrogate_steps"] == 0


@pytest.mark.parametrize("name", TRIGGERED)
def test_every_round_searches_for_words_and_verifies_sixteen_a_slot(name: str) -> None:
    options = options_of(name)
    assert isinstance(options, TriggerOptions)
    assert options.candidates >= 16 and options.text_rounds >= options.rounds > 1


def test_more_words_and_rounds_lower_the_loss_more(victim: LVLM, few: SampleSet) -> None:
    """On a surrogate that stays as it is, whose loss each round's search lowers further."""

    def losses(candidates: int, rounds: int) -> list[float]:
        options = {"candidates": candidates, "rounds": rounds, "inner_steps": 0, "image_steps": 1, "lambda_bind": 0.0}
        defense = REGISTRY.build(Method(name="mmguard", options=options))
        log = defense.protect(few, [victim], Budget(epsilon=0), np.random.default_rng(0), lambda *_: None).log
        return [entry["outer"] for entry in log["history"]]

    small, large = losses(4, 3), losses(16, 3)
    assert small[0] == large[0] and all(later < earlier for earlier, later in pairwise(large))
    assert large[1] < small[1] and large[2] < small[2]


@pytest.mark.parametrize("name", GRADIENT_MADE)
def test_an_owner_crafts_through_the_required_set_with_one_option_and_is_marked(name: str) -> None:
    plain = REGISTRY.describe(Method(name=name)).traits
    through = REGISTRY.describe(Method(name=name, options={"eot": "jpeg,crop,color"})).traits
    assert not plain.adaptive and through.adaptive
    assert plain.depends == through.depends


def test_a_control_is_no_owner_who_adapts() -> None:
    assert not any(build(name).adaptive for name in REGISTRY.controls)


def test_dropout_leaves_out_a_projector_that_is_a_bare_matrix(texts: list[str]) -> None:
    gemma = random_lvlm("tiny-gemma3", texts)
    counts = []
    for dropout in (0.0, 0.1):
        with attach_surrogate(gemma, 4, dropout, 1e-3) as surrogate:
            counts.append(len(surrogate.parameters))
    assert counts[0] == counts[1] + 2


@pytest.mark.slow
def test_the_surrogate_of_tap_knows_most_of_its_own_training_pictures(victim: LVLM) -> None:
    defense, clean = build("tap"), load("emoji_catalog", "train")
    assert isinstance(defense, PixelDefense)
    o, rng = defense.options, np.random.default_rng(0)
    seed_everything(0)
    with attach_surrogate(victim, o.inner_rank, o.inner_dropout, defense.surrogate_lr(victim)) as surrogate:
        draft = defense.make_draft(clean, [surrogate], Budget(), 0, rng)
        defense.adapt(surrogate, draft, 0, rng)
        asked = [clean[int(i)] for i in rng.choice(len(clean), 192, replace=False)]
        answers = victim.generate([s.question for s in asked], [s.pixels for s in asked])
    assert np.mean([answer == s.answer for answer, s in zip(answers, asked, strict=True)]) >= 0.6
