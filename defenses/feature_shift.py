"""A common shift of the pictures' vision features, after DP²-VL (Miao et al., 2026)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Unpack

import torch
from numpy.random import Generator
from pydantic import Field

from bench.lvlm.text import Encoded
from bench.samples import SampleSet
from defenses import register
from defenses.base import Card
from defenses.craft.draft import Step, Targets
from defenses.craft.pixel import ForwardInputs, PixelDefense, PixelOptions
from defenses.craft.surrogates import Surrogate
from defenses.craft.vision import compute_features, tower_features


class FeatureShiftOptions(PixelOptions):
    """As many pixel steps as `em`, in one round without adaptation."""

    rounds: int = Field(1, ge=1, le=1, description="one: nothing changes between rounds")
    image_steps: int = Field(24, ge=0, le=500, description="signed pixel steps")
    inner_steps: int = Field(0, ge=0, le=0, description="the surrogate stays as it is")


@register("feature_shift")
class FeatureShift(PixelDefense[FeatureShiftOptions]):
    """Noise that moves the features of all pictures in one direction of the vision tower; no answers."""

    card = Card(
        paper="after Miao et al., DP²-VL, arXiv 2603.23925: the nearest published neighbour of MMGuard",
        needs="a vision tower as surrogate; no answers, no language model",
        touches="pictures, one noise each",
        adaptation="the abstract alone could be read: features are pushed 'toward an antithetical region', a shift of "
        "the whole data set. Inferred: the direction is opposite to the mean features of the owner's pictures, and the "
        "loss is the projection on it; 24 steps of one level, as many as em",
        validation="effect tests alone: no number could be read",
    )
    exempt: ClassVar[Mapping[str, str]] = {
        "training_loss": "it knows no answers and moves features: tests/defenses/test_feature_shift.py"
    }

    def choose_targets(
        self, samples: SampleSet, surrogates: Sequence[Surrogate], groups: dict[str, int], rng: Generator
    ) -> Targets:
        """Return for each sample, in each tower, the opposite of the mean features of all pictures."""
        targets = {}
        for surrogate in surrogates:
            mean = torch.stack(list(compute_features(samples, surrogate.lvlm).values())).mean(0)
            targets[surrogate.lvlm.name] = (-mean).expand(len(samples), -1)
        return Targets([s.answer for s in samples], targets)

    def objective(
        self, surrogate: Surrogate, step: Step, encoded: Encoded, **inputs: Unpack[ForwardInputs]
    ) -> torch.Tensor:
        """Return the negative projection on the target, in units of its length, for each sample (B,).

        It is 1 for the mean clean picture and -1 at the target.
        """
        features = tower_features(surrogate.lvlm, step.images)
        target = step.batch.draft.targets.features[surrogate.lvlm.name][step.batch.indices].to(features)
        return -(features * target).sum(1) / (target * target).sum(1)
