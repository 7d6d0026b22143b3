"""The loop that every gradient-made protection shares: adapt the surrogates, step the pixels, then the text.

MMGuard Eq. 34 and Algorithm 1, and with other hooks EM (Huang et al., 2021). A variant overrides `objective`,
`update_text` or both. Images are integer levels in 0..255; steps and budget too, so a release is exact.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.random import Generator
from pydantic import Field

from bench.errors import UserError
from bench.lvlm.adapters import attach_adapter, lora_config
from bench.lvlm.base import LVLM
from bench.lvlm.memory import MemoryLimit
from bench.lvlm.text import Encoded
from bench.runtime import seed_everything
from bench.samples import SampleSet
from bench.spec import Budget, Options
from defenses.base import Defense, Progress, Protected
from defenses.craft.draft import Batch, Draft, Surrogate
from defenses.craft.views import DRAWS, one_of


class PixelOptions(Options):
    """Options of the loop. The paper gives grids without defaults for rounds, image_steps and inner_steps."""

    rounds: int = Field(2, ge=1, le=100, description="outer rounds R")
    image_steps: int = Field(6, ge=0, le=500, description="signed pixel steps a round, P")
    step_size: int = Field(1, ge=1, le=255, description="levels a pixel step, alpha (paper: 1/255)")
    inner_steps: int = Field(1, ge=0, le=1000, description="adapter steps a round, Q (paper: elbow at 1)")
    inner_lr: float = Field(1e-4, gt=0, le=1, description="adapter learning rate (paper: 1e-5 or 1e-4)")
    inner_rank: int = Field(8, ge=1, le=256, description="surrogate LoRA rank (paper: 8 or 16)")
    inner_dropout: float = Field(0.1, ge=0, lt=1, description="surrogate LoRA dropout (paper: 0.1)")
    keep_adapters: bool = Field(False, description="keep adapters across rounds instead of discarding (paper)")
    batch: int = Field(32, ge=1, le=1024, description="samples a step")
    weights: str = Field(
        "",
        pattern=r"^$|^\d+(\.\d+)?(,\d+(\.\d+)?)*$",
        description="ensemble weights omega, one a surrogate, with commas (paper: uniform)",
    )
    eot: str = Field(
        "",
        pattern=rf"^$|^({'|'.join(DRAWS)})(,({'|'.join(DRAWS)}))*$",
        description=f"noise that survives, each step, none or one of these, with commas: {', '.join(DRAWS)}",
    )


class PixelDefense(Defense):
    """Base of the gradient-made methods."""

    Options: ClassVar[type[Options]] = PixelOptions

    @cached_property
    def memory_limit(self) -> MemoryLimit:
        """How many pictures fit in memory."""
        return MemoryLimit()

    # -- hooks ---------------------------------------------------------------------------------------------------

    def start(self, draft: Draft, surrogates: Sequence[Surrogate], budget: Budget, rng: Generator) -> None:
        """Random start of one level, so that the most perturbed patches are defined from the first step on."""
        if self.options.image_steps:
            reach = min(1, budget.epsilon)
            for key, value in draft.clean.items():
                noise = torch.from_numpy(rng.integers(-reach, reach + 1, tuple(value.shape))).to(value)
                draft.pixels[key] = (value + noise).clamp(0, 255)

    def objective(
        self, surrogate: Surrogate, batch: Batch, encoded: Encoded, images: list[torch.Tensor], **inputs: Any
    ) -> torch.Tensor:
        """Per-sample loss (B,) that the release minimises on one adapted surrogate: here the training loss.

        `inputs` go to `LVLM.forward`: a prefix and embeddings that are already made.
        """
        return surrogate.lvlm.forward(encoded, images, **inputs).loss

    def read(self, batch: Batch, lvlm: LVLM) -> Encoded:
        """The texts of a pixel step: here the samples' own."""
        return batch.encode(lvlm)

    def view(self, image: torch.Tensor, rng: Generator) -> torch.Tensor:
        """What a trainer makes of a picture, of the same size: here by the option `eot`."""
        return one_of(self.options.eot.split(","), image, rng) if self.options.eot else image

    def leaves(self, batch: Batch) -> list[torch.Tensor]:
        """What a pixel step moves: here each picture of the batch."""
        return [batch.draft.pixels[key] for key in batch.image_ids]

    def shown(self, batch: Batch, leaves: list[torch.Tensor]) -> list[torch.Tensor]:
        """The picture of each sample, in levels, from `leaves`."""
        return batch.spread(leaves)

    def bounded(self, batch: Batch, leaves: list[torch.Tensor], epsilon: int) -> list[torch.Tensor]:
        """The nearest leaves within the budget."""
        clean = [batch.draft.clean[key] for key in batch.image_ids]
        return [p.clamp(c - epsilon, c + epsilon).clamp(0, 255) for p, c in zip(leaves, clean, strict=True)]

    def keep(self, batch: Batch, leaves: list[torch.Tensor]) -> None:
        """Write what the steps made into the draft; only here, as a step that fails is done again."""
        batch.draft.pixels |= zip(batch.image_ids, leaves, strict=True)

    def update_text(self, batch: Batch, surrogates: Sequence[Surrogate], rng: Generator) -> None:
        """Change the triggers of a batch; nothing for methods of the image alone."""

    def ensemble(self, losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """The surrogates' losses, of any one shape, weighted by omega (Eq. 31). Raises UserError for a wrong number."""
        given = [float(weight) for weight in self.options.weights.split(",") if weight]
        omega = given or [1.0] * len(losses)
        if len(omega) != len(losses) or not sum(omega):
            raise UserError(f"weights: {self.options.weights!r}; allowed: {len(losses)} numbers, not all 0")
        shares = (weight / sum(omega) for weight in omega)
        return torch.stack([s * loss.to(losses[0].device) for s, loss in zip(shares, losses, strict=True)]).sum(0)

    # -- the loop ------------------------------------------------------------------------------------------------

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """See the module's docstring."""
        o = self.options
        seed = int(rng.integers(2**31))
        seed_everything(seed)
        draft = Draft(samples, surrogates[0].device, seed)
        history: list[dict[str, float]] = []
        with ExitStack() as stack:
            adapted = [stack.enter_context(_adapter(lvlm, o)) for lvlm in surrogates]
            self.start(draft, adapted, budget, rng)
            for r in range(o.rounds):
                inner = [self.adapt(surrogate, draft, rng, r) for surrogate in adapted]
                losses = []
                batches = list(self.batches(draft, r))
                for b, batch in enumerate(batches):
                    losses.append(self.step_batch(batch, adapted, budget.epsilon, rng))
                    progress(
                        (r + (b + 1) / len(batches)) / o.rounds, f"round {r + 1}/{o.rounds}, loss {losses[-1]:.3f}"
                    )
                history.append({"round": r + 1, "inner": float(np.mean(inner)), "outer": float(np.mean(losses))})
        steps = o.rounds * o.image_steps * len(draft.clean)
        return Protected(draft.release(), {"history": history, "image_steps": steps})

    def batches(self, draft: Draft, round: int = 0) -> Iterator[Batch]:
        """Batches of about `batch` samples: pictures whole, and of one size."""
        groups: dict[tuple[int, ...], dict[str, list[int]]] = {}
        for i, sample in enumerate(draft.samples):
            groups.setdefault(sample.pixels.shape, {}).setdefault(sample.image_id, []).append(i)
        for pictures in groups.values():
            current: list[int] = []
            for members in pictures.values():
                current += members
                if len(current) >= self.options.batch:
                    yield Batch(draft, current, round)
                    current = []
            if current:
                yield Batch(draft, current, round)

    def adapt(self, surrogate: Surrogate, draft: Draft, rng: Generator, round: int = 0) -> float:
        """Imitate the trainer: Q steps on random batches of the current release. Gives the mean loss."""
        if not self.options.keep_adapters:
            surrogate.reset()
        for parameter in surrogate.parameters:
            parameter.requires_grad_(True)
        surrogate.lvlm.model.train()
        losses = [0.0]
        for step in range(self.options.inner_steps):
            chosen = rng.choice(len(draft.samples), min(self.options.batch, len(draft.samples)), replace=False)
            batch = Batch(draft, [int(i) for i in chosen], round, (0, round, step))
            losses.append(self.adapt_once(surrogate, batch))
        surrogate.lvlm.model.eval().requires_grad_(False)
        surrogate.optimiser.zero_grad()
        return float(np.mean(losses[1:] or losses))

    def adapt_once(self, surrogate: Surrogate, batch: Batch) -> float:
        """One adapter step on the mean loss of the batch's answer tokens. Gives the loss."""
        tokens = int(batch.encode(surrogate.lvlm).answer.sum())

        def descend(indices: Sequence[int]) -> tuple[float, tuple[torch.Tensor, ...]]:
            part = Batch(batch.draft, list(indices), batch.round, batch.draw)
            images = self.viewed(part, part.images())
            loss = surrogate.lvlm.loss(part.encode(surrogate.lvlm), images).sum() / tokens
            return loss.item(), torch.autograd.grad(loss, surrogate.parameters)

        losses, gradients = zip(*self.memory_limit.map_parts(descend, batch.indices), strict=True)
        for parameter, parts in zip(surrogate.parameters, zip(*gradients, strict=True), strict=True):
            parameter.grad = sum(parts[1:], start=parts[0])
        surrogate.optimiser.step()
        return float(sum(losses))

    def step_batch(self, batch: Batch, surrogates: Sequence[Surrogate], epsilon: int, rng: Generator) -> float:
        """Pixel steps on a batch, then its text, whole or in parts that fit. Gives the last mean loss."""

        def part(image_ids: Sequence[str]) -> Batch:
            if len(image_ids) == len(batch.image_ids):
                return batch
            # What was kept for all of them at once takes the room of the parts.
            batch.clean_prefixes.clear()
            batch.intensities.clear()
            own = [i for i in batch.indices if batch.draft.samples[i].image_id in set(image_ids)]
            return Batch(batch.draft, own, batch.round)

        def step(image_ids: Sequence[str]) -> float:
            some = part(image_ids)
            return self.step_images(some, surrogates, epsilon) * len(some.indices)

        def search(image_ids: Sequence[str]) -> None:
            before = list(batch.draft.words)
            try:
                self.update_text(part(image_ids), surrogates, rng)
            except RuntimeError:
                batch.draft.words = before
                raise

        losses = self.memory_limit.map_parts(step, batch.image_ids)
        self.memory_limit.map_parts(search, batch.image_ids)
        return sum(losses) / len(batch.indices)

    def step_images(self, batch: Batch, surrogates: Sequence[Surrogate], epsilon: int) -> float:
        """P signed steps on a batch's pictures, on the ensemble's loss (Eq. 15, 31). Gives the last one a sample."""
        leaves, loss = self.leaves(batch), float("nan")
        batch.view = partial(self.viewed, batch)
        for step in range(self.options.image_steps):
            batch.draw = (1, batch.round, step)
            leaves = [leaf.clone().requires_grad_(True) for leaf in leaves]
            images = batch.view(self.shown(batch, leaves))
            total = self.ensemble(
                [self.objective(s, batch, self.read(batch, s.lvlm), images).sum() for s in surrogates]
            )
            gradients = torch.autograd.grad(total, leaves)
            stepped = [x - self.options.step_size * g.sign() for x, g in zip(leaves, gradients, strict=True)]
            leaves = [x.detach() for x in self.bounded(batch, stepped, epsilon)]
            loss = total.item() / len(batch.indices)
        self.keep(batch, leaves)
        batch.view = list
        return loss

    def viewed(self, batch: Batch, images: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """`view` of each sample's picture; the samples of a picture see the same."""
        owners = [batch.draft.samples[i].image_id for i in batch.indices]
        return [self.view(image, batch.rng(owner)) for owner, image in zip(owners, images, strict=True)]


@contextmanager
def _adapter(lvlm: LVLM, options: PixelOptions) -> Iterator[Surrogate]:
    with attach_adapter(lvlm, lora_config(lvlm, options.inner_rank, "language", options.inner_dropout)) as parameters:
        optimiser = torch.optim.AdamW(parameters, lr=options.inner_lr, weight_decay=0.0)
        surrogate = Surrogate(lvlm, parameters, [p.detach().clone() for p in parameters], optimiser)
        lvlm.model.eval().requires_grad_(False)
        yield surrogate
