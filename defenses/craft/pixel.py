"""The loop of every gradient-made protection: adapt the surrogates, step the pixels, then the text.

It is Algorithm 1 of MMGuard (Eq. 34), and without a trigger EM (Huang et al., 2021). A method overrides one or two of
the hooks. Pictures, perturbations, steps and budget are integer levels in 0..255, so the last step is the release.
"""

from collections.abc import Iterable, Iterator, Sequence
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
from bench.lvlm.memory import return_freed_memory
from bench.lvlm.text import Encoded
from bench.progress import Progress
from bench.runtime import seed_everything
from bench.samples import SampleSet
from bench.spec import Budget, Options
from defenses.base import Defense, Protected
from defenses.craft.draft import Batch, Draft, Draw, Step, Targets, Triggers, perturb
from defenses.craft.levels import CleanPictures, Perturbations
from defenses.craft.surrogates import Surrogate, attach_surrogate
from defenses.craft.transforms import RANDOM, apply_random
from defenses.craft.turns import restore_turn, save_turn


class PixelOptions(Options):
    """Options of the loop. For rounds, image_steps and inner_steps the paper gives grids and no defaults.

    The surrogate is trained as `lora_sft` trains a model of its size: rank, modules, batch and peak rate.
    """

    rounds: int = Field(3, ge=1, le=100, description="outer rounds R (paper: 1, 3, 5 or 7)")
    image_steps: int = Field(8, ge=0, le=500, description="signed pixel steps a round, P (paper: 0 to 8)")
    step_size: int = Field(1, ge=1, le=255, description="levels a pixel step, alpha (paper: 1/255)")
    inner_steps: int = Field(5, ge=0, le=10_000, description="adapter steps a round, Q (paper: 0 to 5)")
    inner_lr: float | None = Field(
        None, gt=0, le=1, description="adapter learning rate (default: lora_sft's for this size; paper: 1e-5 or 1e-4)"
    )
    inner_rank: int = Field(16, ge=1, le=256, description="surrogate LoRA rank (lora_sft's; paper: 8 or 16)")
    inner_dropout: float = Field(0.0, ge=0, lt=1, description="surrogate LoRA dropout (lora_sft's; paper: 0.1)")
    inner_batch: int = Field(16, ge=1, le=1024, description="samples an adapter step (lora_sft's; paper: 2)")
    keep_adapters: bool = Field(False, description="keep adapters across rounds (paper: discard them)")
    batch: int = Field(32, ge=1, le=1024, description="samples a pixel step")
    weights: str = Field(
        "",
        pattern=r"^$|^\d+(\.\d+)?(,\d+(\.\d+)?)*$",
        description="weights omega of the surrogates, separated by commas (paper: uniform)",
    )
    eot: str = Field(
        "",
        pattern=rf"^$|^({'|'.join(RANDOM)})(,({'|'.join(RANDOM)}))*$",
        description="an owner who adapts: craft noise that survives these, separated by commas; each step applies each "
        "of them or not, in the trainer's order: " + ", ".join(RANDOM),
    )


class ForwardInputs(TypedDict, total=False):
    """ForwardInputs of `LVLM.forward` that are at hand: the prefix of the pictures, and embeddings of the text."""

    prefix: Prefix
    inputs_embeds: torch.Tensor


Adaptation = dict[str, str | float]
"""The log of one surrogate's adapter steps in one round."""

Gradients = tuple[float, dict[int, torch.Tensor]]
"""A loss, and its gradient with respect to each perturbation, by the number of the perturbation."""

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

    @property
    def adaptive(self) -> bool:
        """True with the option `eot`: the owner crafts through what trainers do to pictures."""
        return bool(self.options.eot)

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """Craft a release in `rounds` rounds of adapter steps, pixel steps and text steps.

        The log has the mean losses of each round; for each surrogate the release's loss before and after its adapter
        steps; the pixel steps of all pictures together, and the adapter steps of one surrogate.
        """
        o = self.options
        seed = int(rng.integers(2**31))
        seed_everything(seed)
        history: list[dict[str, float]] = []
        adaptations: list[Adaptation] = []
        with ExitStack() as stack:
            adapted = [
                stack.enter_context(attach_surrogate(lvlm, o.inner_rank, o.inner_dropout, self.surrogate_lr(lvlm)))
                for lvlm in surrogates
            ]
            draft = self.make_draft(samples, adapted, budget, seed, rng)
            for number in range(o.rounds):
                inner = [self.adapt(s, draft, number, rng) for s in adapted] if o.inner_steps else []
                adaptations += inner
                turns = list(self.make_turns(draft, number))
                share = 1 / (o.rounds * len(turns))
                losses = [
                    self.take_turn(turn, i, adapted, part_of(progress, number / o.rounds + i * share, share))
                    for i, turn in enumerate(turns)
                ]
                mean = float(np.mean([a["inner"] for a in inner])) if inner else 0.0
                history.append({"round": number + 1, "inner": mean, "outer": float(np.mean(losses))})
        log = {
            "history": history,
            "adaptations": adaptations,
            "image_steps": o.rounds * o.image_steps * len(draft.clean),
            "surrogate_steps": o.rounds * o.inner_steps,
        }
        return Protected(draft.release(), log)

    def surrogate_lr(self, lvlm: LVLM) -> float:
        """Return the peak learning rate of a surrogate's adapter."""
        return self.options.inner_lr or lvlm.recipe.lora_lr

    def make_draft(
        self, samples: SampleSet, surrogates: Sequence[Surrogate], budget: Budget, seed: int, rng: Generator
    ) -> Draft:
        """Return the release before its first step. A group's perturbation has the size of its first picture."""
        device = surrogates[0].lvlm.device
        clean, perturbations = CleanPictures(samples, device), Perturbations(device)
        groups = self.assign_groups(samples, surrogates, seed)
        for image_id, group in groups.items():
            if group not in perturbations:
                picture = clean[image_id]
                start = self.random_start(picture, budget.epsilon, rng)
                perturbations[group] = self.project(start, picture, budget.epsilon)
        targets = self.choose_targets(samples, surrogates, groups, rng)
        triggers = self.draw_triggers(samples, surrogates, budget.words, rng)
        return Draft(samples, clean, groups, perturbations, targets, triggers, budget.epsilon, seed)

    def make_batches(self, draft: Draft, round: int = 0) -> Iterator[Batch]:
        """Yield batches of about `batch` samples: all samples of a picture together, and pictures of one size."""
        by_size: dict[tuple[int, ...], dict[str, list[int]]] = {}
        for index, sample in enumerate(draft.samples):
            by_size.setdefault(sample.shape, {}).setdefault(sample.image_id, []).append(index)
        for pictures in by_size.values():
            indices: list[int] = []
            for own in pictures.values():
                indices += own
                if len(indices) >= self.options.batch:
                    yield Batch(draft, indices, round)
                    indices = []
            if indices:
                yield Batch(draft, indices, round)

    def make_turns(self, draft: Draft, round: int) -> Iterator[list[Batch]]:
        """Yield the batches that are stepped together, so that no step overwrites another one's.

        Perturbations of one picture each: every batch alone. Its result is the same as in step with the others, and a
        clean prefix is in memory for one batch only. Perturbations of several batches: all batches.
        """
        batches = list(self.make_batches(draft, round))
        if sum(len(batch.groups) for batch in batches) == len(draft.perturbations):
            yield from ([batch] for batch in batches)
        else:
            yield batches

    def adapt(self, surrogate: Surrogate, draft: Draft, round: int, rng: Generator) -> Adaptation:
        """Imitate the trainer: take Q steps on random batches of the current release.

        Return the mean loss of a token in these steps, and the mean loss of an answer before and after them.
        """
        if not self.options.keep_adapters:
            surrogate.reset()
        before = self.release_loss(surrogate, draft)
        surrogate.unfreeze()
        losses = []
        for number in range(self.options.inner_steps):
            size = min(self.options.inner_batch, len(draft.samples))
            indices = rng.choice(len(draft.samples), size, replace=False).tolist()
            losses.append(self.adapt_once(surrogate, Batch(draft, indices, round), (0, round, number)))
        surrogate.freeze()
        return {
            "round": round + 1,
            "surrogate": surrogate.lvlm.name,
            "inner": float(np.mean(losses)),
            "inner_before": before,
            "inner_after": self.release_loss(surrogate, draft),
        }

    @torch.no_grad()
    def release_loss(self, surrogate: Surrogate, draft: Draft, count: int = 64) -> float:
        """Return the mean NLL of an answer in the current release, over `count` samples, the same in every round."""
        indices = draft.rng((2,)).permutation(len(draft.samples))[:count].tolist()

        def total(part: Sequence[int]) -> float:
            batch = Batch(draft, list(part))
            return float(surrogate.lvlm.forward(batch.encode(surrogate.lvlm), batch.images()).loss.sum())

        size = self.options.inner_batch
        parts = [indices[start : start + size] for start in range(0, len(indices), size)]
        return sum(loss for part in parts for loss in draft.memory_limit.map_parts(total, part)) / len(indices)

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

    def take_turn(
        self, batches: Sequence[Batch], number: int, surrogates: Sequence[Surrogate], progress: Progress
    ) -> float:
        """Take a turn of a round, or read what an earlier attempt made of it. Return its loss."""
        loss = restore_turn(batches, batches[0].round, number)
        if loss is None:
            loss = self.step_turn(batches, surrogates, progress)
            save_turn(batches, batches[0].round, number, loss)
            return_freed_memory()  # else what little is kept of a turn lies between the pieces, and the peak grows
        return loss

    def step_turn(self, batches: Sequence[Batch], surrogates: Sequence[Surrogate], progress: Progress) -> float:
        """Step the pixels of batches, then their text. Return the last mean loss; NaN without pixel steps."""
        loss = float("nan")
        for number, loss in enumerate(self.step_pixels(batches, surrogates), start=1):
            progress(number / (self.options.image_steps + 1), f"loss {loss:.3f}")
        for batch in batches:
            self.step_text(batch, surrogates)
        progress(1.0, f"loss {loss:.3f}")
        return loss

    def step_pixels(self, batches: Sequence[Batch], surrogates: Sequence[Surrogate]) -> Iterator[float]:
        """Take P projected sign steps on the ensemble's loss (Eq. 15, 31). Yield the loss before each step.

        The loss is a mean over samples. A step of a perturbation goes against the sum of its gradients over all
        samples of all batches, so it does not depend on how the samples are divided.
        """
        draft = batches[0].draft
        for number in range(self.options.image_steps):
            total, gradients = 0.0, dict[int, torch.Tensor]()
            for loss, part in self.compute_gradients(batches, surrogates, number):
                total += loss
                for group, gradient in part.items():
                    gradients[group] = gradients[group] + gradient if group in gradients else gradient
            for group, gradient in gradients.items():
                moved = draft.perturbations[group] - self.options.step_size * gradient.sign()
                first_picture = draft.clean[draft.members[group][0]]
                draft.perturbations[group] = self.project(moved, first_picture, draft.epsilon)
            yield total / sum(len(batch.indices) for batch in batches)

    def compute_gradients(
        self, batches: Iterable[Batch], surrogates: Sequence[Surrogate], number: int
    ) -> Iterator[Gradients]:
        """Yield the summed loss of step `number` and the gradient of each perturbation, of batches or fitting parts."""
        for batch in batches:
            draw = (1, batch.round, number)

            def compute(image_ids: Sequence[str], batch: Batch = batch, draw: Draw = draw) -> Gradients:
                part = batch.part(image_ids)
                leaves = {group: p.clone().requires_grad_(True) for group, p in part.perturbations.items()}
                step = self.render(part, leaves, draw)
                losses = [self.objective(s, step, self.encode(part, s.lvlm, draw)).sum() for s in surrogates]
                total = self.ensemble_loss(losses)
                return total.item(), dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))

            yield from batch.draft.memory_limit.map_parts(compute, batch.image_ids)

    def step_text(self, batch: Batch, surrogates: Sequence[Surrogate]) -> None:
        """Search for the words of a batch, whole or in parts that fit.

        A part that runs out of memory is tried again, so it leaves the words as they were.
        """
        triggers = batch.draft.triggers

        def search(image_ids: Sequence[str]) -> None:
            words = list(triggers.words)
            try:
                self.update_text(batch.part(image_ids), surrogates)
            except RuntimeError:
                triggers.words[:] = words
                raise

        batch.draft.memory_limit.map_parts(search, batch.image_ids)

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


def part_of(progress: Progress, start: float, share: float) -> Progress:
    """Return the report of a part of the work that begins at `start` and is `share` of the whole."""
    return lambda fraction, note: progress(min(start + fraction * share, 1.0), note)
