"""Noise that is made through transformations survives them better; draws are the same in whatever parts."""

from collections.abc import Callable

import numpy as np
import torch

from attacks.parts import PARTS, Purify
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Method
from defenses.craft.draft import Batch, Step
from defenses.craft.levels import to_levels
from defenses.craft.transforms import jpeg


def test_noise_made_through_jpeg_survives_jpeg_better(game: Callable, few: SampleSet, victim: LVLM) -> None:
    def after_jpeg(**options: object) -> float:
        play = game("em", image_steps=8, **options)
        play.steps()
        images = [jpeg(image, 40) for image in play.batch.images()]
        with torch.no_grad():
            return victim.loss(play.batch.encode(victim), images).mean().item()

    assert after_jpeg(eot="jpeg") < after_jpeg()


def test_noise_made_through_the_required_set_survives_the_trainers_own_parts_better(
    game: Callable, victim: LVLM
) -> None:
    """JPEG once, then crop and colours anew in each of six epochs, made by the attacks themselves."""
    compress, augment = (PARTS.build(Method(name=name)) for name in ("jpeg", "crop_color"))
    assert isinstance(compress, Purify)

    def loss(**options: object) -> float:
        play, rng, losses = game("em", image_steps=16, **options), np.random.default_rng(0), []
        play.steps()
        released = [image.permute(1, 2, 0).byte().numpy() for image in play.batch.images()]
        for _ in range(6):
            seen = [to_levels(augment.augment(compress.purify(pixels, rng), rng)) for pixels in released]
            with torch.no_grad():
                losses.append(victim.loss(play.batch.encode(victim), seen).mean().item())
        return float(np.mean(losses))

    assert loss(eot="jpeg,crop,color") < loss()


def test_a_transformation_depends_on_the_step_and_the_picture_and_not_on_the_batch(game: Callable) -> None:
    play = game("sem")
    whole, part = play.batch, Batch(play.draft, [2, 3])
    seen = play.defense.transform_all(whole, whole.images(), (1, 0, 0))
    again = play.defense.transform_all(part, part.images(), (1, 0, 0))
    assert all(torch.equal(a, b) for a, b in zip(again, seen[2:4], strict=True))
    later = play.defense.transform_all(whole, whole.images(), (1, 0, 1))
    assert not any(torch.equal(a, b) for a, b in zip(later, seen, strict=True))


def test_intensities_are_of_the_noise_and_not_of_the_transformation(game: Callable, victim: LVLM) -> None:
    batch = game("em", eot="jpeg").batch

    def transform(images: list[torch.Tensor]) -> list[torch.Tensor]:
        return [jpeg(image, 30) for image in images]

    still = Step(batch, transform(batch.clean()), transform).intensity(victim)
    assert all(float(value.max()) == 0 for value in still), "a picture without noise has none after JPEG either"
