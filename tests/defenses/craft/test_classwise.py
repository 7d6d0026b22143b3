"""Class-wise noise: shared by a cluster, of use to it alone, and what `uc` and `bait` bind it to."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import Sample, SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.draft import Batch, Draft, perturb
from defenses.craft.vision import compute_features, tower_features
from tests.defenses.claims import accepted

CLASSWISE = ("em_class", "uc", "bait")


def loss(victim: LVLM, samples: SampleSet, pixels: dict[str, torch.Tensor]) -> float:
    """Mean training loss of the samples with other pictures."""
    images = [pixels[s.image_id] for s in samples]
    encoded = victim.encode([Prompt(s.question, s.answer) for s in samples], victim.layouts(images))
    with torch.no_grad():
        return victim.loss(encoded, images).mean().item()


def with_noise(draft: Draft, pictures: dict[str, torch.Tensor], ahead: int = 0) -> dict[str, torch.Tensor]:
    """Return each picture with the noise of its cluster, or of the cluster so many `ahead`."""
    order = sorted(draft.members)
    noise = {number: draft.perturbations[order[(n + ahead) % len(order)]] for n, number in enumerate(order)}
    return {key: perturb(picture, noise[draft.groups[key]]) for key, picture in pictures.items()}


def foreign_pictures(draft: Draft) -> dict[str, torch.Tensor]:
    """Return for each picture one of the next cluster."""
    order = sorted(draft.members)
    following = dict(zip(order, order[1:] + order[:1], strict=True))
    return {key: draft.clean[draft.members[following[number]][0]] for key, number in draft.groups.items()}


def test_a_classes_noise_lowers_its_own_loss_and_another_classes_does_not(
    game: Callable, few: SampleSet, victim: LVLM
) -> None:
    play = game("em_class", image_steps=8)
    play.steps()
    clean, own = (loss(victim, few, pictures) for pictures in (play.draft.clean, play.images()))
    other = loss(victim, few, with_noise(play.draft, play.draft.clean, ahead=1))
    assert own < 0.95 * clean
    assert other > own + 0.8 * (clean - own), (clean, own, other)


def test_baits_noise_gives_its_answer_on_foreign_pictures_and_another_classes_does_not(
    game: Callable, few: SampleSet, victim: LVLM
) -> None:
    play = game("bait", image_steps=10, rounds=1)
    play.steps()
    pictures = foreign_pictures(play.draft)
    clean, own, other = (
        loss(victim, few, shown)
        for shown in (pictures, with_noise(play.draft, pictures), with_noise(play.draft, pictures, ahead=1))
    )
    assert own < 0.98 * clean
    assert other > own + 0.8 * (clean - own), (clean, own, other)
    image_only = game("em_class", image_steps=10)
    image_only.steps()
    assert own < loss(victim, few, with_noise(image_only.draft, pictures)), "em_class binds to its own pictures"


def test_bait_shows_pictures_of_another_cluster_and_of_the_same_size(game: Callable) -> None:
    play = game("bait", rounds=1)
    seen = set()
    for step in range(6):
        for key in play.batch.image_ids:
            other = play.defense.choose_carrier(play.draft, key, (1, 0, step))
            assert play.draft.groups[other] != play.draft.groups[key]
            assert play.defense.choose_carrier(play.draft, key, (1, 0, step)) == other
            seen.add((key, other))
    assert len(seen) > 15, "and not always the same ones"
    lone = next(iter(play.draft.clean))
    sample = play.draft.clean.samples[lone]
    play.draft.clean.samples[lone] = replace(sample, pixels=np.zeros((9, 9, 3), np.uint8))
    assert play.defense.choose_carrier(play.draft, lone, (1, 0, 0)) == lone


def test_bait_goes_from_the_nearest_cluster_over_all_to_the_farthest(game: Callable, victim: LVLM) -> None:
    play = game("bait", rounds=3)
    draft = play.draft
    features = compute_features(draft.samples, victim)
    centres = {n: torch.stack([features[key] for key in keys]).mean(0) for n, keys in draft.members.items()}
    for key, own in draft.groups.items():
        near, far = sorted(draft.members.keys() - {own}, key=lambda n: float((centres[n] - centres[own]).norm()))
        seen = [
            {draft.groups[play.defense.choose_carrier(draft, key, (1, round, step))] for step in range(12)}
            for round in range(3)
        ]
        assert seen == [{near}, {near, far}, {far}]


def test_uc_moves_each_cluster_to_the_next_ones_centre_and_no_other_noise_does(game: Callable, victim: LVLM) -> None:
    """Measured as a distance, where the objective is a divergence."""
    play = game("uc", image_steps=8, clusters=3)
    play.steps()
    draft, keys = play.draft, list(play.draft.clean)
    assert len(draft.members) == 3
    assert draft.groups == game("uc", image_steps=0, clusters=3).draft.groups, "the noise does not change them"
    features = compute_features(draft.samples, victim)
    centres = {n: torch.stack([features[key] for key in members]).mean(0) for n, members in draft.members.items()}

    def distance(pictures: dict[str, torch.Tensor]) -> float:
        with torch.no_grad():
            now = tower_features(victim, [pictures[key] for key in keys])
        wanted = torch.stack([centres[(draft.groups[key] + 1) % 3] for key in keys])
        return float((now.softmax(1) - wanted.softmax(1)).norm(dim=1).mean())

    other = with_noise(draft, draft.clean, ahead=1)
    clean, own, exchanged = map(distance, (draft.clean, play.images(), other))
    assert own < 0.9 * clean and exchanged > own + 0.5 * (clean - own), (clean, own, exchanged)


def test_uc_reads_no_answers(victim: LVLM, few: SampleSet) -> None:
    other_texts = SampleSet(tuple(Sample(s.id, s.image_id, s.pixels, "Who?", f"nobody {i}") for i, s in enumerate(few)))
    defense = REGISTRY.build(Method(name="uc", options={"image_steps": 2, "clusters": 2}))
    one, other = (
        defense.protect(samples, [victim], Budget(), np.random.default_rng(0), lambda *_: None).samples
        for samples in (few, other_texts)
    )
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", CLASSWISE)
def test_pictures_of_a_cluster_share_their_noise_also_those_of_other_batches(name: str, game: Callable) -> None:
    play = game(name, image_steps=2)
    play.batch = Batch(play.draft, [0, 1, 2])
    play.steps()
    for key, number in play.draft.groups.items():
        expected = (play.draft.clean[key] + play.draft.perturbations[number]).clamp(0, 255)
        assert torch.equal(play.draft.image(key), expected)
    assert max(float(noise.abs().max()) for noise in play.draft.perturbations.values()) > 1, "some noise has moved"


def test_a_step_goes_against_the_sum_of_the_gradients_of_a_clusters_pictures(
    game: Callable, few: SampleSet, victim: LVLM
) -> None:
    play = game("em_class", image_steps=1, step_size=3)
    before = {number: noise.clone() for number, noise in play.draft.perturbations.items()}
    leaves = {key: value.clone().requires_grad_(True) for key, value in play.images().items()}
    total = victim.loss(play.batch.encode(victim), [leaves[s.image_id] for s in few]).sum()
    gradients = dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))
    play.steps()
    for number, keys in play.draft.members.items():
        inside = torch.stack([(leaves[k] > 0) & (leaves[k] < 255) for k in keys])
        summed = sum(gradients[k] * m for k, m in zip(keys, inside, strict=True))
        expected = (before[number] - 3 * torch.sign(summed)).clamp(-8, 8)
        agree = (play.draft.perturbations[number] == expected)[inside.all(0)].float().mean()
        assert agree > 0.99


@pytest.mark.parametrize("name", CLASSWISE)
def test_the_steps_of_shared_noise_do_not_depend_on_the_batches(name: str, game: Callable) -> None:
    whole, parts = (game(name, **accepted(name, {"image_steps": 4, "batch": size, "clusters": 2})) for size in (32, 1))
    for play, batches in ((whole, 1), (parts, 6)):
        (turn,) = play.defense.make_turns(play.draft, 0)
        assert len(turn) == batches
        list(play.defense.step_pixels(turn, play.surrogates))
    for number, noise in parts.draft.perturbations.items():
        assert (whole.draft.perturbations[number] == noise).float().mean() > 0.99


@pytest.mark.parametrize("name", ["em_class", "uc"])
def test_steps_over_all_batches_beat_all_steps_on_a_batch_before_the_next(name: str, game: Callable) -> None:
    """In the second way the last batch overwrites what the others have taught the noise that they share."""
    passes, overwritten = (game(name, image_steps=10, batch=1, clusters=2) for _ in range(2))
    start = passes.objective()
    (turn,) = passes.defense.make_turns(passes.draft, 0)
    list(passes.defense.step_pixels(turn, passes.surrogates))
    for batch in overwritten.defense.make_batches(overwritten.draft):
        list(overwritten.defense.step_pixels([batch], overwritten.surrogates))
    assert passes.objective() < overwritten.objective() < start


def test_noise_of_single_pictures_is_stepped_batch_by_batch(game: Callable) -> None:
    play = game("em", batch=2)
    assert [len(turn) for turn in play.defense.make_turns(play.draft, 0)] == [1, 1, 1]


def test_noise_is_resized_to_pictures_of_other_sizes_and_holds_its_budget(victim: LVLM) -> None:
    rng = np.random.default_rng(0)
    sizes = [(40, 40), (64, 30), (30, 64), (64, 64)]
    rows = [
        Sample(f"{i}", f"p{i}", rng.integers(20, 230, (*size, 3), dtype=np.uint8), "What?", "yn"[i % 2])
        for i, size in enumerate(sizes)
    ]
    defense = REGISTRY.build(Method(name="em_class", options={"rounds": 1, "image_steps": 3, "inner_steps": 0}))
    done = defense.protect(SampleSet(tuple(rows)), [victim], Budget(epsilon=2), rng, lambda *_: None).samples
    noise = [b.pixels.astype(int) - a.pixels for a, b in zip(rows, done, strict=True)]
    assert all(abs(n).max() == 2 for n in noise)
    small, large = noise[0], noise[2]
    columns, lines = np.arange(64) * 40 // 64, np.arange(30) * 40 // 30
    assert np.array_equal(large, small[lines][:, columns])
