"""The trigger search on random weights: what the screen scores, and that no step of it raises the loss."""

import numpy as np
import pytest
import torch

from bench.datasets import load
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.pixel import Batch, Draft, Surrogate
from defenses.craft.trigger import TriggerDefense, _first


class Search:
    """A `text_trigger` defense at work on four samples."""

    def __init__(self, lvlm: LVLM, **options: int) -> None:
        self.defense: TriggerDefense = REGISTRY.build(Method(name="text_trigger", options=options))
        self.draft = Draft(SampleSet(load("emoji_smoke", "train").samples[:4]), lvlm.device)
        self.surrogates = [Surrogate(lvlm, [], [], torch.optim.SGD([torch.zeros(1)]))]
        self.defense.start(self.draft, self.surrogates, Budget(), np.random.default_rng(3))
        self.batch = Batch(self.draft, [0, 1, 2, 3])

    def losses(self, lvlm: LVLM) -> torch.Tensor:
        with torch.no_grad():
            return lvlm.loss(self.batch.encode(lvlm), self.batch.images())


def test_the_screen_scores_each_slots_own_word(lvlm: LVLM) -> None:
    """Against the gradient of a whole pass, read where a decoder finds the words one by one."""
    search = Search(lvlm, candidates=3)
    search.draft.slots[0] = [0, 0, 1, 2, 2]
    encoded = search.batch.encode(lvlm)
    prefix = lvlm.compute_prefix(encoded, search.batch.images())
    shortlists = search.defense.screen(search.batch, search.surrogates, [encoded], [prefix])

    leaf = lvlm.embedding(encoded.ids).detach()
    tail = leaf[:, prefix.length :].clone().requires_grad_(True)
    loss = lvlm.forward(encoded, search.batch.images(), prefix=prefix, inputs_embeds=tail).loss.sum()
    (gradient,) = torch.autograd.grad(loss, tail)
    for row in range(4):
        for slot, word in enumerate(search.draft.words[row]):
            own = (encoded.word[row] == slot + 1).nonzero().squeeze(1)
            assert lvlm.tokenizer.decode(encoded.ids[row, own]).strip() == word
            score = lvlm.embedding.weight[search.defense.ids[0]] @ gradient[row, own[0] - prefix.length]
            assert set(shortlists[row, slot]) == set(score.topk(3, largest=False).indices.tolist())


def test_a_search_never_raises_the_loss_and_stops_after_its_rounds(lvlm: LVLM) -> None:
    search = Search(lvlm, candidates=2)
    before = search.losses(lvlm)
    search.defense.update_text(search.batch, search.surrogates, np.random.default_rng(0))
    after, words = search.losses(lvlm), [list(w) for w in search.draft.words]
    assert (after <= before + 1e-4).all()
    assert after.mean() < before.mean()
    later = Batch(search.draft, search.batch.indices, round=1)
    search.defense.update_text(later, search.surrogates, np.random.default_rng(0))
    assert search.draft.words == words, "text_rounds is 1"


@pytest.mark.parametrize("count", [1, 3])
def test_words_are_put_where_the_exact_loss_is_least(lvlm: LVLM, count: int) -> None:
    """`verify` against trying every candidate by hand."""
    search = Search(lvlm, candidates=count)
    encoded = search.batch.encode(lvlm)
    prefix = lvlm.compute_prefix(encoded, search.batch.images())
    shortlist = np.random.default_rng(1).integers(0, len(search.defense.words), (4, count))
    tried = [[search.draft.words[i][2], *(search.defense.words[w] for w in shortlist[i])] for i in range(4)]
    table = []
    for choice in range(count + 1):
        for i in range(4):
            search.draft.words[i][2] = tried[i][choice]
        table.append(search.losses(lvlm))
    for i in range(4):
        search.draft.words[i][2] = tried[i][0]
    with torch.no_grad():
        least = search.defense.verify(search.batch, search.surrogates, [prefix], 2, shortlist, table[0])
    torch.testing.assert_close(least, torch.stack(table).min(0).values, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(search.losses(lvlm), least, rtol=1e-4, atol=1e-4)


def test_each_surrogate_has_a_say_in_what_is_verified() -> None:
    """One slot of two samples: by rank, then by surrogate, and no word twice."""
    first = np.array([[[1, 2, 3, 4]], [[7, 8, 9, 5]]])
    second = np.array([[[5, 1, 6, 7]], [[7, 9, 8, 1]]])
    merged = _first(np.stack([first, second], axis=3))
    assert merged.tolist() == [[[1, 5, 2, 3]], [[7, 8, 9, 5]]]
    assert _first(first[..., None]).tolist() == first.tolist()


def test_a_search_with_two_tokenizers_lowers_the_mean_loss(llava: LVLM, qwen: LVLM) -> None:
    search = Search(llava, candidates=2)
    search.surrogates.append(Surrogate(qwen, [], [], search.surrogates[0].optimiser))
    search.defense.start(search.draft, search.surrogates, Budget(), np.random.default_rng(3))
    assert llava.tokenizer.get_vocab() != qwen.tokenizer.get_vocab()
    before = search.losses(llava) + search.losses(qwen)
    search.defense.update_text(search.batch, search.surrogates, np.random.default_rng(0))
    after = search.losses(llava) + search.losses(qwen)
    assert (after <= before + 1e-3).all() and after.mean() < before.mean()
