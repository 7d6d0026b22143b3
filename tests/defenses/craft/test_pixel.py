"""The loop of the gradient-made protections, on random-weight victims: batches, steps, adapters, budgets, seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bench.datasets import load
from bench.errors import UserError
from bench.lvlm.adapters import attach_adapter, lora_config
from bench.lvlm.base import LVLM, Prefix
from bench.runtime import seed_everything
from bench.samples import Sample, SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.base import Protected
from defenses.craft.draft import Batch, Draft, Step
from defenses.craft.pixel import PixelDefense, PixelOptions
from defenses.craft.surrogates import Surrogate
from defenses.em import ErrorMinimising

SIZES = ((8, 8), (8, 12), (10, 8))


def watch(fraction: float, note: str) -> None:
    assert 0 < fraction <= 1 and note


def play(
    defense: PixelDefense, samples: SampleSet, surrogates: Sequence[LVLM], epsilon: int = 8, seed: int = 0
) -> Protected:
    return defense.protect(samples, surrogates, Budget(epsilon=epsilon), np.random.default_rng(seed), watch)


def em(**options: Any) -> ErrorMinimising:
    return ErrorMinimising(
        PixelOptions(**{"rounds": 1, "image_steps": 1, "inner_steps": 1, "inner_rank": 2, **options})
    )


@pytest.fixture
def four(samples: SampleSet) -> SampleSet:
    """Four samples."""
    return SampleSet(samples[:4])


def clean_draft(samples: SampleSet) -> Draft:
    """Return a draft on the CPU without perturbations."""
    on_cpu: Any = SimpleNamespace(lvlm=SimpleNamespace(device=torch.device("cpu")))
    return em(image_steps=0).make_draft(samples, [on_cpu], Budget(), 0, np.random.default_rng(0))


def make_samples(owners: Sequence[int]) -> SampleSet:
    """Return samples of which number i asks about picture `owners[i]`; the picture's number decides its size."""
    return SampleSet(
        tuple(
            Sample(f"s{i}", f"p{o}", np.full((*SIZES[o % 3], 3), o, np.uint8), f"What {i}?", "cat")
            for i, o in enumerate(owners)
        )
    )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(1, 8))
def test_a_batch_has_one_size_and_whole_pictures(owners: list[int], size: int) -> None:
    draft = clean_draft(make_samples(owners))
    batches = list(em(batch=size).make_batches(draft))
    assert sorted(i for batch in batches for i in batch.indices) == list(range(len(owners)))
    for batch in batches:
        assert len({image.shape for image in batch.images()}) == 1
    assert sum(len(batch.image_ids) for batch in batches) == len(set(owners)), "a picture is in one batch"
    most = max(owners.count(o) for o in owners)
    assert all(len(batch.indices) < size + most for batch in batches)
    small = [b for b in batches if len(b.indices) < size]
    assert len({b.images()[0].shape for b in small}) == len(small), "only the last of a size may be smaller"


def test_a_batch_gives_each_sample_its_own_picture() -> None:
    draft = clean_draft(make_samples([3, 0, 3, 6, 0]))
    batch = Batch(draft, [0, 1, 2, 3, 4])
    assert batch.image_ids == ["p3", "p0", "p6"]
    assert batch.per_sample(["three", "zero", "six"]) == ["three", "zero", "three", "six", "zero"]
    assert [float(image.mean()) for image in batch.clean()] == [3, 0, 3, 6, 0]
    draft.perturbations[draft.groups["p0"]] += 90
    assert [float(image.mean()) for image in batch.images()] == [3, 90, 3, 6, 90]
    assert [s.pixels.mean() for s in draft.release()] == [3, 90, 3, 6, 90]


@settings(max_examples=8, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(epsilon=st.integers(0, 255), size=st.integers(1, 255), rounds=st.integers(1, 2), steps=st.integers(1, 2))
def test_any_budget_holds_and_levels_stay_levels(
    llava: LVLM, samples: SampleSet, epsilon: int, size: int, rounds: int, steps: int
) -> None:
    rng = np.random.default_rng(0)
    black, white = np.zeros((20, 30, 3), np.uint8), np.full((20, 30, 3), 255, np.uint8)
    extremes = [black, white, rng.integers(0, 256, (20, 30, 3), dtype=np.uint8), samples[0].pixels]
    clean = SampleSet(tuple(Sample(str(i), str(i), p, "What is this?", "cat") for i, p in enumerate(extremes)))
    defense = em(rounds=rounds, image_steps=steps, step_size=size, inner_steps=0)
    released = play(defense, clean, [llava], epsilon).samples
    reach = min(epsilon, 1 + rounds * steps * size)
    for before, after in zip(clean, released, strict=True):
        assert after.pixels.dtype == np.uint8 and after.pixels.shape == before.pixels.shape
        moved = np.abs(after.pixels.astype(int) - before.pixels)
        assert moved.max() <= reach
        assert (moved.max() > 0) == (epsilon > 0)


SENSELESS = (
    "rounds=0 image_steps=-1 step_size=0 inner_steps=-1 inner_lr=0 inner_lr=nan inner_rank=0 inner_dropout=1 batch=0"
)


@pytest.mark.parametrize("option", SENSELESS.split())
def test_senseless_options_are_refused(option: str) -> None:
    name, value = option.split("=")
    with pytest.raises(UserError, match=rf"defense em, option {name}="):
        REGISTRY.build(Method(name="em", options={name: value}))


class Watched(PixelDefense):
    """Keeps the weights, and the size of the optimiser's state, before each adapter step."""

    def __init__(self, options: PixelOptions) -> None:
        super().__init__(options)
        self.weights: list[torch.Tensor] = []
        self.moments: list[int] = []

    def adapt_once(self, surrogate: Surrogate, *rest: Any) -> float:
        """Look at the surrogate before the step."""
        self.weights.append(torch.cat([p.detach().flatten() for p in surrogate.parameters]))
        self.moments.append(len(surrogate.optimiser.state))
        return super().adapt_once(surrogate, *rest)


@pytest.mark.parametrize("keep", [False, True])
def test_a_round_starts_from_the_first_adapter_unless_adapters_are_kept(
    keep: bool, llava: LVLM, four: SampleSet
) -> None:
    defense = Watched(PixelOptions(rounds=3, image_steps=0, inner_steps=2, inner_lr=1e-2, keep_adapters=keep))
    play(defense, four, [llava])
    assert len(defense.weights) == 6
    first, second = defense.weights[:2]
    assert not torch.equal(first, second), "a step moves it"
    for start, moments in zip(defense.weights[2::2], defense.moments[2::2], strict=True):
        assert torch.equal(start, first) is not keep
        assert (moments > 0) is keep, "and the optimiser forgets with it"


def test_adapters_imitate_the_trainer_on_the_release_not_on_the_clean_pictures(
    llava: LVLM, four: SampleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []
    loss, defense = llava.loss, em(image_steps=0)

    black = SampleSet(tuple(replace(s, pixels=np.zeros_like(s.pixels)) for s in four))
    monkeypatch.setattr(defense, "random_start", lambda picture, *_: torch.full_like(picture, 7.0))
    monkeypatch.setattr(llava, "loss", lambda encoded, images: seen.extend(images) or loss(encoded, images))
    play(defense, black, [llava])
    assert seen and all((image == 7).all() for image in seen)


class Broken(Exception):
    """Raised on purpose."""


@pytest.mark.parametrize("hook", ["random_start", "objective", "update_text", "make_batches"])
def test_an_error_in_a_hook_leaves_the_surrogates_as_they_were(
    hook: str, llava: LVLM, qwen: LVLM, four: SampleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise Broken

    defense = em(inner_steps=2, inner_lr=1e-2)
    before = [{k: v.clone() for k, v in lvlm.model.state_dict().items()} for lvlm in (llava, qwen)]
    monkeypatch.setattr(defense, hook, fail)
    with pytest.raises(Broken):
        play(defense, four, [llava, qwen])
    for lvlm, weights in zip((llava, qwen), before, strict=True):
        after = lvlm.model.state_dict()
        assert after.keys() == weights.keys()
        assert all(torch.equal(after[key], value) for key, value in weights.items())
        assert not any(p.requires_grad or p.grad is not None for p in lvlm.model.parameters())
        assert not any(module.training for module in lvlm.model.modules())


@pytest.fixture
def pair(llava: LVLM, qwen: LVLM) -> Iterator[list[Surrogate]]:
    """Two families with fresh adapters, which change nothing yet."""
    with (
        attach_adapter(llava, lora_config(llava, 2, "language")) as first,
        attach_adapter(qwen, lora_config(qwen, 2, "language")) as second,
    ):
        made = [
            Surrogate(lvlm, parameters, [], torch.optim.SGD(parameters))
            for lvlm, parameters in ((llava, first), (qwen, second))
        ]
        for surrogate in made:
            surrogate.lvlm.model.eval().requires_grad_(False)
        yield made


def test_a_step_goes_against_the_mean_loss_of_the_surrogates(pair: list[Surrogate], four: SampleSet) -> None:
    draft = clean_draft(four)
    batch = Batch(draft, [0, 1, 2, 3])
    clean, gradients, losses = batch.images(), [], []
    for surrogate in pair:
        leaves = [image.clone().requires_grad_(True) for image in clean]
        total = surrogate.lvlm.loss(batch.encode(surrogate.lvlm), leaves).sum()
        gradients.append(torch.stack(torch.autograd.grad(total, leaves)))
        losses.append(total.item() / 4)
    (loss,) = em(step_size=3).step_pixels([batch], pair)
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)

    def agreement(gradient: torch.Tensor) -> float:
        expected = (torch.stack(clean) - 3 * gradient.sign()).clamp(0, 255)
        return float((torch.stack(batch.images()) == expected).float().mean())

    assert agreement(torch.stack(gradients).mean(0)) > 0.999
    assert max(agreement(gradient) for gradient in gradients) < 0.99, "else either would do"


def test_weights_decide_whose_loss_a_step_follows(pair: list[Surrogate], four: SampleSet) -> None:
    """With all weight on one surrogate the step is that surrogate's own; with 3 : 1, the weighted sum's."""
    steps = {}
    for weights in ("1,0", "0,2.5", "3,1"):
        batch = Batch(clean_draft(four), [0, 1, 2, 3])
        list(em(weights=weights).step_pixels([batch], pair))
        steps[weights] = torch.stack(batch.images()) - torch.stack(batch.clean())
    for surrogate, weights in zip(pair, ("1,0", "0,2.5"), strict=True):
        batch = Batch(clean_draft(four), [0, 1, 2, 3])
        list(em().step_pixels([batch], [surrogate]))
        assert torch.equal(torch.stack(batch.images()) - torch.stack(batch.clean()), steps[weights])
    agree = [(steps["3,1"] == steps[weights]).float().mean() for weights in ("1,0", "0,2.5")]
    assert agree[0] < 1 and agree[1] < 1 and not torch.equal(steps["1,0"], steps["0,2.5"])
    losses = [torch.tensor([1.0, 5.0]), torch.tensor([3.0, 1.0])]
    torch.testing.assert_close(em(weights="3,1").ensemble_loss(losses), torch.tensor([1.5, 4.0]))
    torch.testing.assert_close(em().ensemble_loss(losses), torch.tensor([2.0, 3.0]))


@pytest.mark.parametrize("weights", ["1", "1,1,1", "0,0"])
def test_weights_that_do_not_fit_the_ensemble_are_refused(weights: str) -> None:
    with pytest.raises(UserError, match=rf"weights: '{weights}'; allowed: 2 numbers, not all 0"):
        em(weights=weights).ensemble_loss([torch.ones(1), torch.ones(1)])


def test_the_samples_of_a_picture_share_its_step(pair: list[Surrogate], four: SampleSet) -> None:
    """Two questions about one picture: one perturbation, whose gradient is the sum."""
    two = SampleSet((four[0], Sample("other", four[0].image_id, four[0].pixels, "Name it, please.", "dog")))
    draft = clean_draft(two)
    batch, lvlm = Batch(draft, [0, 1]), pair[0].lvlm
    leaf = draft.clean[four[0].image_id].clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(lvlm.loss(batch.encode(lvlm), [leaf, leaf]).sum(), leaf)
    list(em(step_size=2).step_pixels([batch], pair[:1]))
    expected = (leaf.detach() - 2 * gradient.sign()).clamp(0, 255)
    assert (draft.image(four[0].image_id) == expected).float().mean() > 0.999


def test_without_image_steps_the_pictures_stay(llava: LVLM, four: SampleSet) -> None:
    done = play(em(image_steps=0, rounds=2), four, [llava])
    assert done.samples.digest == four.digest
    assert done.log["image_steps"] == 0
    assert play(em(image_steps=3, rounds=2), four, [llava]).log["image_steps"] == 2 * 3 * 4


class Counting:
    """An LVLM that counts how often it computes intensities."""

    def __init__(self, name: str) -> None:
        self.name, self.calls = name, 0

    def intensity(self, images: list[torch.Tensor], clean: list[torch.Tensor]) -> list[torch.Tensor]:
        """The mean difference of each picture."""
        self.calls += 1
        return [(a - b).abs().mean()[None] for a, b in zip(images, clean, strict=True)]


def test_intensities_are_computed_once_a_step_for_each_surrogate() -> None:
    batch = Batch(clean_draft(make_samples([0, 3, 0])), [0, 1, 2])
    one, other = Counting("one"), Counting("other")

    def intensities(step: Step, lvlm: Counting) -> list[float]:
        return [float(value) for value in step.intensity(lvlm)]  # type: ignore[arg-type]

    still = Step(batch, batch.images())
    assert intensities(still, one) == intensities(still, one) == intensities(still, other) == [0, 0, 0]
    assert (one.calls, other.calls) == (1, 1)
    batch.draft.perturbations[batch.draft.groups["p3"]] += 4
    assert intensities(still, one) == [0, 0, 0], "a step keeps its pictures"
    moved = Step(batch, batch.images())
    assert intensities(moved, one) == intensities(moved, one) == [0, 4, 0] and one.calls == 2


def test_the_release_is_a_function_of_the_seed_alone(llava: LVLM, qwen: LVLM, four: SampleSet) -> None:
    digests = []
    for seed, outside in ((1, 5), (1, 6), (2, 5)):
        seed_everything(outside)
        digests.append(play(em(inner_lr=1e-2, inner_dropout=0.5), four, [llava, qwen], seed=seed).samples.digest)
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("fits", [1, 3])
def test_where_memory_is_short_a_release_is_made_in_parts_and_stays_the_same(
    llava: LVLM, monkeypatch: pytest.MonkeyPatch, fits: int
) -> None:
    """Pixels and words of one batch of eight and of parts; only roundings of sums may differ, and did not."""
    eight = SampleSet(load("emoji_smoke", "train").samples[:8])
    options = {"rounds": 1, "image_steps": 2, "candidates": 1, "inner_dropout": 0.0, "inner_steps": 1}
    defense = REGISTRY.build(Method(name="multimodal", options=options))
    whole = defense.protect(eight, [llava], Budget(), np.random.default_rng(0), lambda *_: None).samples
    real, refused = LVLM.forward, []

    def forward(self: LVLM, encoded: Any, *rest: Any, **named: Any) -> Any:
        if len(encoded.ids) > fits:
            refused.append(len(encoded.ids))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return real(self, encoded, *rest, **named)

    monkeypatch.setattr(LVLM, "forward", forward)
    defense = REGISTRY.build(Method(name="multimodal", options=options))
    parts = defense.protect(eight, [llava], Budget(), np.random.default_rng(0), lambda *_: None).samples
    assert refused and refused[0] == 8 and min(refused) > fits
    assert [s.question for s in parts] == [s.question for s in whole]
    same = np.mean([np.mean(a.pixels == b.pixels) for a, b in zip(parts, whole, strict=True)])
    assert same > 0.999


@pytest.mark.parametrize(("fits", "kept"), [(4, True), (2, False)])
def test_a_batch_that_does_not_fit_frees_its_prefixes(
    four: SampleSet, monkeypatch: pytest.MonkeyPatch, fits: int, kept: bool
) -> None:
    defense, batch = em(), Batch(clean_draft(four), [0, 1, 2, 3])
    batch.draft.memory_limit.max_items = fits
    batch.clean_prefixes["llava"] = Prefix(0, [])
    defense.step_text(batch, [])
    assert bool(batch.clean_prefixes) == kept
