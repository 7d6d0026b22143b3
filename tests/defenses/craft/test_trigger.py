"""The trigger search on random weights: what the screen scores, and that no step of it raises the loss."""

import numpy as np
import pytest
import torch

from bench.datasets import load
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Budget
from defenses.craft.draft import Batch, Step
from defenses.craft.trigger import TriggerDefense, merge_rankings
from defenses.mmguard.text_trigger import TextTrigger
from tests.defenses.conftest import untrained


class Search:
    """The trigger search of `text_trigger` on four samples."""

    def __init__(self, *lvlms: LVLM, **options: int) -> None:
        self.defense: TriggerDefense = TextTrigger(TextTrigger.Options(**options))  # type: ignore[arg-type]
        samples = SampleSet(load("emoji_smoke", "train").samples[:4])
        self.surrogates = [untrained(lvlm) for lvlm in lvlms]
        self.draft = self.defense.make_draft(samples, self.surrogates, Budget(), 0, np.random.default_rng(3))
        self.batch = Batch(self.draft, [0, 1, 2, 3])
        self.step, self.triggers = Step(self.batch, self.batch.images()), self.draft.triggers

    def losses(self, lvlm: LVLM) -> torch.Tensor:
        with torch.no_grad():
            return lvlm.loss(self.batch.encode(lvlm), self.batch.images())


def test_the_screen_scores_each_slots_own_word(lvlm: LVLM) -> None:
    """Against the gradient of a whole pass, read where a decoder finds the words one by one."""
    search = Search(lvlm, candidates=3)
    search.triggers.slots[0] = [0, 0, 1, 2, 2]
    encoded = search.batch.encode(lvlm)
    prefix = lvlm.compute_prefix(encoded, search.batch.images())
    shortlists = search.defense.screen(search.step, search.surrogates, [encoded], [prefix])

    leaf = lvlm.embedding(encoded.ids).detach()
    tail = leaf[:, prefix.length :].clone().requires_grad_(True)
    loss = lvlm.forward(encoded, search.batch.images(), prefix=prefix, inputs_embeds=tail).loss.sum()
    (gradient,) = torch.autograd.grad(loss, tail)
    for row in range(4):
        for slot, word in enumerate(search.triggers.words[row]):
            own = (encoded.word[row] == slot + 1).nonzero().squeeze(1)
            assert lvlm.tokenizer.decode(encoded.ids[row, own]).strip() == word
            score = lvlm.embedding.weight[search.triggers.token_ids[lvlm.name]] @ gradient[row, own[0] - prefix.length]
            assert set(shortlists[row, slot]) == set(score.topk(3, largest=False).indices.tolist())


def test_a_search_never_raises_the_loss_and_stops_after_its_rounds(lvlm: LVLM) -> None:
    search = Search(lvlm, candidates=2, text_rounds=1)
    before = search.losses(lvlm)
    search.defense.update_text(search.batch, search.surrogates)
    after, words = search.losses(lvlm), [list(w) for w in search.triggers.words]
    assert (after <= before + 1e-4).all()
    assert after.mean() < before.mean()
    later = Batch(search.draft, search.batch.indices, round=1)
    search.defense.update_text(later, search.surrogates)
    assert search.triggers.words == words, "text_rounds is 1"


@pytest.mark.parametrize("count", [1, 3])
def test_words_are_set_where_the_exact_loss_is_lowest(lvlm: LVLM, count: int) -> None:
    """`verify` against trying every candidate by hand."""
    search = Search(lvlm, candidates=count)
    encoded = search.batch.encode(lvlm)
    prefix = lvlm.compute_prefix(encoded, search.batch.images())
    shortlist = np.random.default_rng(1).integers(0, len(search.triggers.vocabulary), (4, count))
    tried = [[search.triggers.words[i][2], *(search.triggers.vocabulary[w] for w in shortlist[i])] for i in range(4)]
    table = []
    for choice in range(count + 1):
        for i in range(4):
            search.triggers.words[i][2] = tried[i][choice]
        table.append(search.losses(lvlm))
    for i in range(4):
        search.triggers.words[i][2] = tried[i][0]
    with torch.no_grad():
        least = search.defense.verify(search.step, search.surrogates, [prefix], 2, shortlist, table[0])
    torch.testing.assert_close(least, torch.stack(table).min(0).values, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(search.losses(lvlm), least, rtol=1e-4, atol=1e-4)


def test_each_surrogate_has_a_say_in_what_is_verified() -> None:
    """One slot of two samples: by rank, then by surrogate, and no word twice."""
    first = np.array([[[1, 2, 3, 4]], [[7, 8, 9, 5]]])
    second = np.array([[[5, 1, 6, 7]], [[7, 9, 8, 1]]])
    merged = merge_rankings(np.stack([first, second], axis=3))
    assert merged.tolist() == [[[1, 5, 2, 3]], [[7, 8, 9, 5]]]
    assert merge_rankings(first[..., None]).tolist() == first.tolist()


def test_a_search_with_two_tokenizers_lowers_the_mean_loss(llava: LVLM, qwen: LVLM) -> None:
    search = Search(llava, qwen, candidates=2)
    assert llava.tokenizer.get_vocab() != qwen.tokenizer.get_vocab()
    before = search.losses(llava) + search.losses(qwen)
    search.defense.update_text(search.batch, search.surrogates)
    after = search.losses(llava) + search.losses(qwen)
    assert (after <= before + 1e-3).all() and after.mean() < before.mean()
