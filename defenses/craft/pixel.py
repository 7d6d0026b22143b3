"""The loop of every gradient-made protection: adapt the surrogates, step the pixels, then the text.

It is Algorithm 1 of MMGuard (Eq. 34), and without a trigger EM (Huang et al., 2021). A method overrides one or two of
the hooks. Pictures, perturbations, steps and budget are integer levels in 0..255, so the last step is the release.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TypedDict, Unpack

import numpy as np
import torch
from numpy.random import Generator
from pydantic import Field
from typing_extensions import TypeVar

from bench.errors import UserError
from bench.lvlm.base import LVLM, Prefix
from bench.lvlm.text import Encoded
from bench.progress import Progress
from bench.runtime import seed_everything
from bench.samples import SampleSet
from bench.spec import Budget, Options
from defenses.base import Defense, Protected
from defenses.craft.draft import Batch, Draft, Draw, Step, Targets, Triggers, perturb, to_levels
from defenses.craft.surrogates import Surrogate, attach_surrogate
from defenses.craft.transforms import RANDOM, apply_random


class PixelOptions(Options):
    """Options of the loop. For rounds, image_steps and inner_steps the paper gives grids and no defaults."""

    rounds: int = Field(2, ge=1, le=100, description="outer rounds R")
    image_steps: int = Field(6, ge=0, le=500, description="signed pixel steps a round, P")
    step_size: int = Field(1, ge=1, le=255, description="levels a pixel step, alpha (paper: 1/255)")
    inner_steps: int = Field(1, ge=0, le=1000, description="adapter steps a round, Q (paper: elbow at 1)")
    inner_lr: float = Field(1e-4, gt=0, le=1, description="adapter learning rate (paper: 1e-5 or 1e-4)")
    inner_rank: int = Field(8, ge=1, le=256, description="surrogate LoRA rank (paper: 8 or 16)")
    inner_dropout: float = Field(0.1, ge=0, lt=1, description="surrogate LoRA dropout (paper: 0.1)")
    keep_adapters: bool = Field(False, description="keep adapters across rounds (paper: discard them)")
    batch: int = Field(32, ge=1, le=1024, description="samples a step")
    weights: str = Field(
        "",
        pattern=r"^$|^\d+(\.\d+)?(,\d+(\.\d+)?)*$",
        description="weights omega of the surrogates, separated by commas (paper: uniform)",
    )
    eot: str = Field(
        "",
        pattern=rf"^$|^({'|'.join(RANDOM)})(,({'|'.join(RANDOM)}))*$",
        description="craft noise that survives these, separated by commas; each step applies one or none: "
        + ", ".join(RANDOM),
    )


class ForwardInputs(TypedDict, total=False):
    """ForwardInputs of `LVLM.forward` that are at hand: the prefix of the pictures, and embeddings of the text."""

    prefix: Prefix
    inputs_embeds: torch.Tensor


P = TypeVar("P", bound=PixelOptions, default=PixelOptions)


class PixelDefense(Defense[P]):
    """Base of the gradient-made methods; as it is, error-minimising noise with one perturbation for each picture."""

    # -- hooks that make the draft before the first step ---------------------------------------------------------

    def assign_groups(self, samples: SampleSet, surrogates: Sequence[Surrogate], seed: int) -> dict[str, int]:
        """Return the number of the perturbation that each picture carries, by image_id: here one of its own."""
        return {image_id: number for number, image_id in enumerate(dict.fromkeys(s.image_id for s in samples))}

    def random_start(self, picture: torch.Tensor, epsilon: int, rng: Generator) -> torch.Tensor:
        """Return the first perturbation of a picture: here random, of at most one level.

        With it the most perturbed patches are defined from the first step on. Without pixel steps it is zero.
        """
        reach = min(1, epsilon) if self.options.image_steps else 0
        return torch.from_numpy(rng.integers(-reach, reach + 1, tuple(picture.shape))).to(picture)

    def choose_targets(
        self, samples: SampleSet, surrogates: Sequence[Surrogate], groups: dict[str, int], rng: Generator
    ) -> Targets:
        """Return what the pixel steps aim at: here the true answers."""
        return Targets([s.answer for s in samples])

    def draw_triggers(
        self, samples: SampleSet, surrogates: Sequence[Surrogate], words: int, rng: Generator
    ) -> Triggers:
        """Return the words that are inserted into the questions at first: here none."""
        return Triggers([[] for _ in samples], [[] for _ in samples])

    # -- hooks of a step -----------------------------------------------------------------------------------------

    def objective(
        self, surrogate: Surrogate, step: Step, encoded: Encoded, **inputs: Unpack[ForwardInputs]
    ) -> torch.Tensor:
        """Return the loss of each sample (B,) that the release minimises on a surrogate: here the answer's NLL."""
        return surrogate.lvlm.forward(encoded, step.images, **inputs).loss

    def encode(self, batch: Batch, lvlm: LVLM, draw: Draw) -> Encoded:
        """Return the texts of a pixel step: here each question with its target answer."""
        return batch.encode(lvlm, batch.draft.targets.answers)

    def choose_carrier(self, draft: Draft, image_id: str, draw: Draw) -> str:
        """Return the image_id of the clean picture on which a step shows the perturbation: here the picture's own."""
        return image_id

    def transform(self, image: torch.Tensor, rng: Generator) -> torch.Tensor:
        """Return a picture, at the same size, as a trainer may see it: here by the option `eot`."""
        return apply_random(self.options.eot.split(","), image, rng) if self.options.eot else image

    def project(self, perturbation: torch.Tensor, picture: torch.Tensor, epsilon: int) -> torch.Tensor:
        """Project a perturbation onto the L-infinity ball of the budget, and the perturbed picture onto 0..255."""
        return (picture + perturbation.clamp(-epsilon, epsilon)).clamp(0, 255) - picture

    def update_text(self, batch: Batch, surrogates: Sequence[Surrogate]) -> None:
        """Change the trigger words of a batch after its pixel steps: here there are none."""

    # -- the loop ------------------------------------------------------------------------------------------------

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """Craft a release in `rounds` rounds of adapter steps, pixel steps and text steps. The log has the losses."""
        o = self.options
        seed = int(rng.integers(2**31))
        seed_everything(seed)
        history: list[dict[str, float]] = []
        with ExitStack() as stack:
            adapted = [
                stack.enter_context(attach_surrogate(lvlm, o.inner_rank, o.inner_dropout, o.inner_lr))
                for lvlm in surrogates
            ]
            draft = self.make_draft(samples, adapted, budget, seed, rng)
            for number in range(o.rounds):
                inner = [self.adapt(surrogate, draft, number, rng) for surrogate in adapted]
                batches = list(self.make_batches(draft, number))
                losses: list[float] = []
                for batch in batches:
                    losses.append(self.step_batch(batch, adapted))
                    fraction = (number + len(losses) / len(batches)) / o.rounds
                    progress(fraction, f"round {number + 1}/{o.rounds}, loss {losses[-1]:.3f}")
                history.append({"round": number + 1, "inner": float(np.mean(inner)), "outer": float(np.mean(losses))})
        steps = o.rounds * o.image_steps * len(draft.clean)
        return Protected(draft.release(), {"history": history, "image_steps": steps})

    def make_draft(
        self, samples: SampleSet, surrogates: Sequence[Surrogate], budget: Budget, seed: int, rng: Generator
    ) -> Draft:
        """Return the release before its first step. A group's perturbation has the size of its first picture."""
        device = surrogates[0].lvlm.device
        clean = {s.image_id: to_levels(s.pixels).to(device) for s in samples}
        groups = self.assign_groups(samples, surrogates, seed)
        perturbations: dict[int, torch.Tensor] = {}
        for image_id, group in groups.items():
            if group not in perturbations:
                start = self.random_start(clean[image_id], budget.epsilon, rng)
                perturbations[group] = self.project(start, clean[image_id], budget.epsilon)
        targets = self.choose_targets(samples, surrogates, groups, rng)
        triggers = self.draw_triggers(samples, surrogates, budget.words, rng)
        return Draft(samples, clean, groups, perturbations, targets, triggers, budget.epsilon, seed)

    def make_batches(self, draft: Draft, round: int = 0) -> Iterator[Batch]:
        """Yield batches of about `batch` samples: all samples of a picture together, and pictures of one size."""
        by_size: dict[tuple[int, ...], dict[str, list[int]]] = {}
        for index, sample in enumerate(draft.samples):
            by_size.setdefault(sample.pixels.shape, {}).setdefault(sample.image_id, []).append(index)
        for pictures in by_size.values():
            indices: list[int] = []
            for own in pictures.values():
                indices += own
                if len(indices) >= self.options.batch:
                    yield Batch(draft, indices, round)
                    indices = []
            if indices:
                yield Batch(draft, indices, round)

    def adapt(self, surrogate: Surrogate, draft: Draft, round: int, rng: Generator) -> float:
        """Imitate the trainer: take Q steps on random batches of the current release. Return the mean loss."""
        if not self.options.keep_adapters:
            surrogate.reset()
        surrogate.unfreeze()
        losses = []
        for number in range(self.options.inner_steps):
            size = min(self.options.batch, len(draft.samples))
            indices = rng.choice(len(draft.samples), size, replace=False).tolist()
            losses.append(self.adapt_once(surrogate, Batch(draft, indices, round), (0, round, number)))
        surrogate.freeze()
        return float(np.mean(losses)) if losses else 0.0

    def adapt_once(self, surrogate: Surrogate, batch: Batch, draw: Draw) -> float:
        """Take one adapter step on the mean loss of the batch's answer tokens. Return the loss."""
        lvlm = surrogate.lvlm
        tokens = int(batch.encode(lvlm).answer.sum())

        def gradient_of(indices: Sequence[int]) -> tuple[float, tuple[torch.Tensor, ...]]:
            part = Batch(batch.draft, list(indices), batch.round)
            images = self.transform_all(part, part.images(), draw)
            loss = lvlm.loss(part.encode(lvlm), images).sum() / tokens
            return loss.item(), torch.autograd.grad(loss, surrogate.parameters)

        parts = batch.draft.memory_limit.map_parts(gradient_of, batch.indices)
        losses, gradients = zip(*parts, strict=True)
        for parameter, terms in zip(surrogate.parameters, zip(*gradients, strict=True), strict=True):
            parameter.grad = sum(terms[1:], start=terms[0])
        surrogate.optimiser.step()
        return float(sum(losses))

    def step_batch(self, batch: Batch, surrogates: Sequence[Surrogate]) -> float:
        """Step the pixels of a batch, then its text, whole or in parts that fit. Return the last mean loss.

        A part that runs out of memory is tried again, so each leaves the draft as it was when it fails.
        """
        draft = batch.draft

        def step(image_ids: Sequence[str]) -> float:
            part = batch.part(image_ids)
            return self.step_images(part, surrogates) * len(part.indices)

        def search(image_ids: Sequence[str]) -> None:
            words = list(draft.triggers.words)
            try:
                self.update_text(batch.part(image_ids), surrogates)
            except RuntimeError:
                draft.triggers.words[:] = words
                raise

        losses = draft.memory_limit.map_parts(step, batch.image_ids)
        draft.memory_limit.map_parts(search, batch.image_ids)
        return sum(losses) / len(batch.indices)

    def step_images(self, batch: Batch, surrogates: Sequence[Surrogate]) -> float:
        """Take P projected sign steps on the ensemble's loss (Eq. 15, 31). Return the last loss, a mean over samples.

        The loss is taken before the step. Without steps it is NaN.
        """
        draft, perturbations, loss = batch.draft, batch.perturbations, float("nan")
        for number in range(self.options.image_steps):
            draw = (1, batch.round, number)
            perturbations = {group: p.clone().requires_grad_(True) for group, p in perturbations.items()}
            step = self.render(batch, perturbations, draw)
            losses = [self.objective(s, step, self.encode(batch, s.lvlm, draw)).sum() for s in surrogates]
            total = self.ensemble_loss(losses)
            gradients = torch.autograd.grad(total, list(perturbations.values()))
            for (group, perturbation), gradient in zip(perturbations.items(), gradients, strict=True):
                moved = perturbation.detach() - self.options.step_size * gradient.sign()
                perturbations[group] = self.project(moved, draft.clean[draft.members[group][0]], draft.epsilon)
            loss = total.item() / len(batch.indices)
        draft.perturbations.update(perturbations)
        return loss

    def render(self, batch: Batch, perturbations: dict[int, torch.Tensor], draw: Draw) -> Step:
        """Return the pictures that the surrogates see of a batch: perturbed, then transformed."""
        draft = batch.draft
        pictures = [
            perturb(draft.clean[self.choose_carrier(draft, image_id, draw)], perturbations[draft.groups[image_id]])
            for image_id in batch.image_ids
        ]
        transform = partial(self.transform_all, batch, draw=draw)
        return Step(batch, transform(batch.per_sample(pictures)), transform)

    def transform_all(self, batch: Batch, images: Sequence[torch.Tensor], draw: Draw) -> list[torch.Tensor]:
        """Transform the picture of each sample; the samples of one picture see the same."""
        pairs = zip(batch.owners, images, strict=True)
        return [self.transform(image, batch.draft.rng(draw, image_id)) for image_id, image in pairs]

    def ensemble_loss(self, losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the surrogates' losses, of any one shape, weighted by omega (Eq. 31).

        Raises UserError if the option `weights` does not fit the number of surrogates.
        """
        omega = [float(weight) for weight in self.options.weights.split(",") if weight] or [1.0] * len(losses)
        if len(omega) != len(losses) or not sum(omega):
            raise UserError(f"weights: {self.options.weights!r}; allowed: {len(losses)} numbers, not all 0")
        shares = [weight / sum(omega) for weight in omega]
        return torch.stack([s * loss.to(losses[0].device) for s, loss in zip(shares, losses, strict=True)]).sum(0)
