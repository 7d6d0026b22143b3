"""Texts of a batch are tokenised once for all its pixel steps, and anew when a word or an answer has changed."""

import numpy as np
import pytest

from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.draft import Batch
from defenses.craft.pixel import PixelDefense
from defenses.craft.surrogates import attach_surrogate


def test_tokens_are_kept_until_the_texts_change(victim: LVLM, few: SampleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    defense = REGISTRY.build(Method(name="multimodal"))
    assert isinstance(defense, PixelDefense)
    calls = []
    encode = type(victim).encode
    monkeypatch.setattr(type(victim), "encode", lambda *args, **kw: calls.append(1) or encode(*args, **kw))
    with attach_surrogate(victim, 4, 0.0, 1e-3) as surrogate:
        draft = defense.make_draft(few, [surrogate], Budget(), 0, np.random.default_rng(0))
    batch = Batch(draft, list(range(len(few))))
    first = batch.encode(victim)
    assert batch.encode(victim) is first and len(calls) == 1
    word = draft.triggers.words[0][0]
    draft.triggers.words[0][0] = next(other for other in draft.triggers.vocabulary if other != word)
    changed = batch.encode(victim)
    assert len(calls) == 2 and not changed.ids.equal(first.ids)
    draft.triggers.words[0][0] = word
    assert batch.encode(victim).ids.equal(first.ids)
    others = [sample.answer for sample in reversed(few)]
    assert not batch.encode(victim, others).ids.equal(first.ids)
