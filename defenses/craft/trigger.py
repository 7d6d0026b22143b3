"""Insert-only text triggers by HotFlip: screen words by gradient, verify the re-tokenised string (Eq. 16-20)."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.random import Generator
from pydantic import Field

from bench.lvlm.base import Prefix
from bench.lvlm.text import Encoded
from bench.spec import Budget, Options
from bench.words import plain_words, token_ids
from defenses.craft.draft import Batch, Draft, Surrogate
from defenses.craft.pixel import PixelDefense, PixelOptions


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
        for i, sample in enumerate(draft.samples):
            places = len(sample.question.split()) + 1
            draft.slots[i] = sorted(int(x) for x in rng.integers(0, places, budget.words))
            draft.words[i] = [str(w) for w in rng.choice(self.words, budget.words)]

    def update_text(self, batch: Batch, surrogates: Sequence[Surrogate], rng: Generator) -> None:
        """One pass over the slots of every sample in the batch; the old word stays where nothing is better."""
        if batch.round >= self.options.text_rounds:
            return
        encoded = [batch.encode(s.lvlm) for s in surrogates]
        prefixes = [s.lvlm.compute_prefix(e, batch.images()) for s, e in zip(surrogates, encoded, strict=True)]
        shortlists = self.screen(batch, surrogates, encoded, prefixes)
        with torch.no_grad():
            losses = self.exact(batch, surrogates, prefixes)
            for slot in range(shortlists.shape[1]):
                losses = self.verify(batch, surrogates, prefixes, slot, shortlists[:, slot], losses)

    def screen(
        self, batch: Batch, surrogates: Sequence[Surrogate], encoded: Sequence[Encoded], prefixes: Sequence[Prefix]
    ) -> np.ndarray:
        """(B, slots, c) indices of words: the lowest first-order scores (Eq. 19) of each surrogate in turn.

        With several tokenizers a word is a token of each, and each surrogate has a say in what is verified.
        """
        slots = len(batch.draft.words[batch.indices[0]])
        best = []
        for surrogate, read, prefix, ids in zip(surrogates, encoded, prefixes, self.ids, strict=True):
            table = surrogate.lvlm.embedding.weight
            tail = read.columns(prefix.length)
            leaf = surrogate.lvlm.embedding(tail.ids).detach().requires_grad_(True)
            loss = self.objective(surrogate, batch, read, batch.images(), prefix=prefix, inputs_embeds=leaf).sum()
            (gradient,) = torch.autograd.grad(loss, leaf)
            first = torch.stack([(tail.word == number).int().argmax(1) for number in range(1, slots + 1)], dim=1)
            score = gradient.take_along_dim(first[:, :, None], 1) @ table[ids.to(table.device)].T
            best.append(score.topk(self.options.candidates, dim=2, largest=False).indices.cpu().numpy())
        return _first(np.stack(best, axis=3))

    def verify(
        self,
        batch: Batch,
        surrogates: Sequence[Surrogate],
        prefixes: Sequence[Prefix],
        slot: int,
        shortlist: np.ndarray,
        present: torch.Tensor,
    ) -> torch.Tensor:
        """Put the word with the least exact loss, over re-tokenised strings, into `slot` (Eq. 20).

        `present` is the loss (B,) of the words as they are. Gives the loss with the words that were put.
        """
        draft, losses = batch.draft, [present]
        current = {i: list(draft.words[i]) for i in batch.indices}
        options = {
            i: [current[i][slot]] + [self.words[w] for w in shortlist[row]] for row, i in enumerate(batch.indices)
        }

        def put(i: int, choice: int) -> None:
            draft.words[i] = [*current[i][:slot], options[i][choice], *current[i][slot + 1 :]]

        for choice in range(1, self.options.candidates + 1):
            for i in batch.indices:
                put(i, choice)
            losses.append(self.exact(batch, surrogates, prefixes))
        least, best = torch.stack(losses).min(0)
        for row, i in enumerate(batch.indices):
            put(i, int(best[row]))
        return least

    def exact(self, batch: Batch, surrogates: Sequence[Surrogate], prefixes: Sequence[Prefix]) -> torch.Tensor:
        """(B,) loss of the batch as it stands, the weighted mean over surrogates."""
        values = [
            self.objective(s, batch, batch.encode(s.lvlm), batch.images(), prefix=prefix)
            for s, prefix in zip(surrogates, prefixes, strict=True)
        ]
        return self.ensemble(values)


def _first(ranked: np.ndarray) -> np.ndarray:
    """(B, slots, c, surrogates) rankings to (B, slots, c): by rank, then surrogate, each word once."""
    rows = ranked.reshape(*ranked.shape[:2], -1)
    kept = [[list(dict.fromkeys(slot.tolist()))[: ranked.shape[2]] for slot in row] for row in rows]
    return np.array(kept)
