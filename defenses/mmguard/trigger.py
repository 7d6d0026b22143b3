"""Insert-only text triggers by HotFlip: screen words by gradient, verify the re-tokenised string (Eq. 16-20)."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.random import Generator
from pydantic import Field

from bench.spec import Budget, Options
from defenses.pixel import Batch, Draft, PixelDefense, PixelOptions, Surrogate
from defenses.words import plain_words, token_ids


class TriggerOptions(PixelOptions):
    """The loop's options and those of the search."""

    candidates: int = Field(4, ge=1, le=512, description="words verified for each slot, c (paper: 8 to 512)")
    text_rounds: int = Field(1, ge=0, le=100, description="rounds, from the first, that search the trigger")


class TriggerDefense(PixelDefense):
    """Adds a trigger of `budget.words` admissible words, scattered in the question, to the loop."""

    Options: ClassVar[type[Options]] = TriggerOptions

    def start(self, draft: Draft, surrogates: Sequence[Surrogate], budget: Budget, rng: Generator) -> None:
        """Random words in random slots; the slots stay (the paper's figure scatters them; it states no rule)."""
        super().start(draft, surrogates, budget, rng)
        self.words = plain_words([s.lvlm.tokenizer for s in surrogates])
        self.ids = [torch.tensor(token_ids(s.lvlm.tokenizer, self.words)) for s in surrogates]
        self.searched: dict[int, int] = {}
        for i, sample in enumerate(draft.samples):
            places = len(sample.question.split()) + 1
            draft.slots[i] = sorted(int(x) for x in rng.integers(0, places, budget.words))
            draft.words[i] = [str(w) for w in rng.choice(self.words, budget.words)]

    def update_text(self, batch: Batch, surrogates: Sequence[Surrogate], rng: Generator) -> None:
        """One pass over the slots of every sample in the batch; the old word stays where nothing is better."""
        key = batch.indices[0]
        self.searched[key] = self.searched.get(key, 0) + 1
        if self.searched[key] > self.options.text_rounds:
            return
        features = [s.lvlm.features(batch.images()) for s in surrogates]
        shortlists = self.screen(batch, surrogates, features)
        with torch.no_grad():
            for slot in range(shortlists.shape[1]):
                self.verify(batch, surrogates, features, slot, shortlists[:, slot])

    def screen(self, batch: Batch, surrogates: Sequence[Surrogate], features: Sequence[object]) -> np.ndarray:
        """(B, slots, c) indices of the words with the lowest first-order scores (Eq. 19), shared by the surrogates."""
        _draft, slots = batch.draft, len(batch.draft.words[batch.indices[0]])
        total = torch.zeros(len(batch.indices), slots, len(self.words))
        for surrogate, found, ids in zip(surrogates, features, self.ids, strict=True):
            encoded = batch.encode(surrogate.lvlm)
            table = surrogate.lvlm.embedding.weight
            leaf = surrogate.lvlm.embedding(encoded.ids).detach().requires_grad_(True)
            loss = self.objective(surrogate, batch, encoded, batch.images(), features=found, inputs_embeds=leaf).sum()
            (gradient,) = torch.autograd.grad(loss, leaf)
            for row, _i in enumerate(batch.indices):
                places = encoded.trigger[row].nonzero().squeeze(1)
                first = places[:: max(1, len(places) // slots)][:slots]
                score = (gradient[row, first] @ table[ids].T).cpu()
                total[row] += score / score.std().clamp(min=1e-12)
        return total.topk(self.options.candidates, dim=2, largest=False).indices.numpy()

    def verify(
        self,
        batch: Batch,
        surrogates: Sequence[Surrogate],
        features: Sequence[object],
        slot: int,
        shortlist: np.ndarray,
    ) -> None:
        """Put the word with the least exact loss, over re-tokenised strings, into `slot` (Eq. 20)."""
        draft, losses = batch.draft, []
        current = {i: list(draft.words[i]) for i in batch.indices}
        options = {
            i: [current[i][slot]] + [self.words[w] for w in shortlist[row]] for row, i in enumerate(batch.indices)
        }
        for choice in range(self.options.candidates + 1):
            for i in batch.indices:
                draft.words[i] = [*current[i][:slot], options[i][choice], *current[i][slot + 1 :]]
            losses.append(self.exact(batch, surrogates, features))
        best = torch.stack(losses).argmin(0)
        for row, i in enumerate(batch.indices):
            draft.words[i] = [*current[i][:slot], options[i][int(best[row])], *current[i][slot + 1 :]]

    def exact(self, batch: Batch, surrogates: Sequence[Surrogate], features: Sequence[object]) -> torch.Tensor:
        """(B,) loss of the batch as it stands, the mean over surrogates, with the pictures' features at hand."""
        values = [
            self.objective(s, batch, batch.encode(s.lvlm), batch.images(), features=f)
            for s, f in zip(surrogates, features, strict=True)
        ]
        return torch.stack(values).mean(0)
