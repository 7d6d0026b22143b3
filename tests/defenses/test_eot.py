"""Noise made through views: it survives them better, draws are the same in parts, and binding sees the same view."""

from collections.abc import Callable

import torch

from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from defenses.craft.draft import Batch
from defenses.craft.views import jpeg


def test_noise_made_through_jpeg_survives_jpeg_better(game: Callable, few: SampleSet, victim: LVLM) -> None:
    def after_jpeg(**options: object) -> float:
        play = game("em", image_steps=8, **options)
        play.steps()
        images = [jpeg(play.draft.pixels[s.image_id], 40) for s in few]
        with torch.no_grad():
            return victim.loss(play.batch.encode(victim), images).mean().item()

    assert after_jpeg(eot="jpeg") < after_jpeg()


def test_a_view_is_of_the_step_and_the_picture_and_not_of_the_batch(game: Callable) -> None:
    play = game("sem")
    whole, part = play.batch, Batch(play.draft, [2, 3])
    whole.draw = part.draw = (1, 0, 0)
    seen = play.defense.viewed(whole, whole.images())
    assert all(torch.equal(a, b) for a, b in zip(play.defense.viewed(part, part.images()), seen[2:4], strict=True))
    whole.draw = (1, 0, 1)
    assert not any(torch.equal(a, b) for a, b in zip(play.defense.viewed(whole, whole.images()), seen, strict=True))


def test_intensities_are_of_the_noise_and_not_of_the_view(game: Callable, victim: LVLM) -> None:
    play = game("em", eot="jpeg")
    batch = play.batch
    batch.view = lambda images: [jpeg(image, 30) for image in images]
    still = batch.intensity(victim, batch.view(batch.clean()))
    assert all(float(value.max()) == 0 for value in still), "a picture without noise has none after JPEG either"
