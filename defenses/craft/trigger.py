"""Insert-only text triggers by HotFlip: screen words by gradient, verify the re-tokenised string (Eq. 16-20)."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.random import Generator
from pydantic import Field
from typing_extensions import TypeVar

from bench.lvlm.base import Prefix
from bench.lvlm.text import Encoded
from bench.samples import SampleSet
from bench.words import plain_words, token_ids
from defenses.craft.draft import Batch, Step, Triggers
from defenses.craft.pixel import PixelDefense, PixelOptions
from defenses.craft.surrogates import Surrogate


class TriggerOptions(PixelOptions):
    """The options of the loop and of the search."""

    candidates: int = Field(16, ge=1, le=512, description="words verified for each slot, c (paper: 8 to 512)")
    text_rounds: int = Field(100, ge=0, le=100, description="rounds, from the first on, that search; 100: every one")


T = TypeVar("T", bound=TriggerOptions, default=TriggerOptions)


class TriggerDefense(PixelDefense[T]):
    """The loop with a trigger of `budget.words` admissible words, scattered over each question."""

    def draw_triggers(
        self, samples: SampleSet, surrogates: Sequence[Surrogate], words: int, rng: Generator
    ) -> Triggers:
        """Draw random words and slots. The slots stay: the paper's figure scatters them, and it states no rule."""
        vocabulary = plain_words([s.lvlm.tokenizer for s in surrogates])
        ids = {s.lvlm.name: torch.tensor(token_ids(s.lvlm.tokenizer, vocabulary)) for s in surrogates}
        triggers = Triggers([], [], vocabulary, ids)
        for sample in samples:
            places = len(sample.question.split()) + 1
            triggers.slots.append(sorted(rng.integers(0, places, words).tolist()))
            triggers.words.append([str(word) for word in rng.choice(vocabulary, words)])
        return triggers

    def update_text(self, batch: Batch, surrogates: Sequence[Surrogate]) -> None:
        """Search once for every slot of every sample; the old word stays where no candidate is better."""
        if batch.round >= self.options.text_rounds:
            return
        step = Step(batch, batch.images())
        encoded = [batch.encode(s.lvlm) for s in surrogates]
        prefixes = [s.lvlm.compute_prefix(e, step.images) for s, e in zip(surrogates, encoded, strict=True)]
        shortlists = self.screen(step, surrogates, encoded, prefixes)
        with torch.no_grad():
            losses = self.exact_losses(step, surrogates, prefixes)
            for slot in range(shortlists.shape[1]):
                losses = self.verify(step, surrogates, prefixes, slot, shortlists[:, slot], losses)

    def screen(
        self, step: Step, surrogates: Sequence[Surrogate], encoded: Sequence[Encoded], prefixes: Sequence[Prefix]
    ) -> np.ndarray:
        """Return the words with the lowest first-order scores (Eq. 19), as indices into the vocabulary (B, slots, c).

        With several tokenizers a word is a token of each. The surrogates' rankings are merged, so each of them has a
        say in what is verified.
        """
        triggers = step.batch.draft.triggers
        slots = len(triggers.words[step.batch.indices[0]])
        rankings = []
        for surrogate, texts, prefix in zip(surrogates, encoded, prefixes, strict=True):
            embedding, ids = surrogate.lvlm.embedding, triggers.token_ids[surrogate.lvlm.name]
            tail = texts.columns(prefix.length)
            embeds = embedding(tail.ids).detach().requires_grad_(True)
            loss = self.objective(surrogate, step, texts, prefix=prefix, inputs_embeds=embeds).sum()
            (gradient,) = torch.autograd.grad(loss, embeds)
            first = torch.stack([(tail.word == number).int().argmax(1) for number in range(1, slots + 1)], dim=1)
            scores = gradient.take_along_dim(first[:, :, None], 1) @ embedding.weight[ids.to(embedding.weight.device)].T
            rankings.append(scores.topk(self.options.candidates, dim=2, largest=False).indices.cpu().numpy())
        return merge_rankings(np.stack(rankings, axis=3))

    def verify(
        self,
        step: Step,
        surrogates: Sequence[Surrogate],
        prefixes: Sequence[Prefix],
        slot: int,
        shortlist: np.ndarray,
        current: torch.Tensor,
    ) -> torch.Tensor:
        """Set `slot` to the word with the lowest exact loss over re-tokenised strings (Eq. 20).

        shortlist: candidates (B, c). current: the loss (B,) with the present words. Returns the loss (B,) with the
        chosen ones.
        """
        indices, triggers = step.batch.indices, step.batch.draft.triggers
        before = {i: list(triggers.words[i]) for i in indices}
        options = {
            i: [before[i][slot], *(triggers.vocabulary[word] for word in words)]
            for i, words in zip(indices, shortlist, strict=True)
        }

        def set_word(i: int, choice: int) -> None:
            triggers.words[i] = [*before[i][:slot], options[i][choice], *before[i][slot + 1 :]]

        losses = [current]
        for choice in range(1, self.options.candidates + 1):
            for i in indices:
                set_word(i, choice)
            losses.append(self.exact_losses(step, surrogates, prefixes))
        lowest, best = torch.stack(losses).min(0)
        for i, choice in zip(indices, best.tolist(), strict=True):
            set_word(i, choice)
        return lowest

    def exact_losses(self, step: Step, surrogates: Sequence[Surrogate], prefixes: Sequence[Prefix]) -> torch.Tensor:
        """Return the loss (B,) of the present texts, the weighted mean over the surrogates."""
        losses = [
            self.objective(s, step, step.batch.encode(s.lvlm), prefix=prefix)
            for s, prefix in zip(surrogates, prefixes, strict=True)
        ]
        return self.ensemble_loss(losses)


def merge_rankings(rankings: np.ndarray) -> np.ndarray:
    """Merge the rankings of several surrogates, (B, slots, c, surrogates) to (B, slots, c).

    By rank, then by surrogate; no word twice.

    >>> merge_rankings(np.array([[[[1, 5], [2, 1], [3, 6]]]])).tolist()
    [[[1, 5, 2]]]
    """
    rows = rankings.reshape(*rankings.shape[:2], -1)
    return np.array([[list(dict.fromkeys(slot.tolist()))[: rankings.shape[2]] for slot in row] for row in rows])
