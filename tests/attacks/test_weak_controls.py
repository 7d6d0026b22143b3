"""Parts against their weak controls: releases that they must break before their verdicts count.

How much of a planted noise is left after a purification is its regression coefficient: 1 all of it, 0 nothing.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from attacks import REGISTRY
from attacks.grammar import parse_attack
from attacks.parts import Knowledge
from bench.datasets import load
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import Sample, SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY as DEFENSES


@cache
def emoji(split: str = "train") -> SampleSet:
    return load("emoji_smoke", split)


@cache
def released(name: str) -> SampleSet:
    """Return the release of a defense that needs no model, on 24 things."""
    return protect(name, emoji(), [])


def protect(name: str, samples: SampleSet, victims: list[LVLM], seed: int = 0, **options: object) -> SampleSet:
    defense = DEFENSES.build(Method(name=name, options=options))
    return defense.protect(samples, victims, Budget(), np.random.default_rng(seed), lambda *_: None).samples


def prepare(text: str, samples: SampleSet, knowledge: Knowledge) -> SampleSet:
    """Return the release after the parts of an attack."""
    for part in REGISTRY.build(parse_attack(text)).parts:
        samples = part.prepare(samples, knowledge, np.random.default_rng(0))
    return samples


def levels(samples: Iterable[Sample]) -> np.ndarray:
    return np.stack([s.pixels.astype(float) for s in samples])


@cache
def purified(text: str, control: str) -> np.ndarray:
    """Return the purified pictures of a control's release, or of clean data if the control is "none"."""
    knowledge = Knowledge(None, SampleSet(()))  # type: ignore[arg-type]
    return levels(prepare(text, released(control), knowledge))


def remaining_share(text: str, control: str) -> float:
    """Return the share of a control's noise that is left after purification."""
    planted = levels(released(control)) - levels(emoji())
    after = purified(text, control) - purified(text, "none")
    return float((after * planted).sum() / (planted**2).sum())


@pytest.mark.parametrize(
    ("text", "control", "most"),
    [
        ("iss", "random_noise_class", 0.1),
        ("lora_sft+jpeg(quality=10)", "random_noise_class", 0.1),
        ("lora_sft+jpeg(quality=30)", "random_noise_class", 0.25),
        ("lora_sft+blur", "random_noise_class", 0.25),
        ("lora_sft+resize", "random_noise_class", 0.25),
        ("lora_sft+median", "random_noise_class", 0.25),
        ("lora_sft+gray(share=1)", "lsp", 0.4),
        ("iss", "lsp", 0.4),
        ("lora_sft+orthogonal_projection(directions=0)", "lsp", 0.3),
        ("lora_sft+orthogonal_projection(directions=0)", "random_noise_class", 0.3),
    ],
)
def test_a_purification_removes_the_noise_that_it_is_made_for(text: str, control: str, most: float) -> None:
    assert abs(remaining_share(text, control)) < most


def test_a_purification_leaves_noise_that_it_is_not_made_for() -> None:
    """Wide blocks survive every purification of high frequencies."""
    assert (
        min(remaining_share(f"lora_sft+{part}", "lsp") for part in ("blur", "median", "resize", "jpeg(quality=10)"))
        > 0.6
    )


@pytest.mark.parametrize("control", ["lsp", "random_noise_class"])
def test_after_projection_no_linear_probe_reads_the_answer(control: str) -> None:
    """The probe is tested on unseen pictures. Chance is 1 of 24, and clean pictures lose as much."""
    names = np.array([s.answer for s in emoji()])
    unseen = np.arange(len(names)) % 4 == 3

    def read(pictures: np.ndarray) -> float:
        flat = pictures.reshape(len(names), -1)
        probe = RidgeClassifier().fit(flat[~unseen], names[~unseen])
        return float((probe.predict(flat[unseen]) == names[unseen]).mean())

    assert read(levels(released(control))) > 0.5
    assert read(purified("lora_sft+orthogonal_projection(directions=0)", control)) < 0.2


@pytest.mark.parametrize("control", ["random_noise", "random_noise_class"])
def test_a_bridge_removes_half_of_the_noise_that_it_has_seen_on_other_pictures(control: str) -> None:
    """As total variation does without any pair: 23 levels squared to 8."""
    own_data = SampleSet(load("emoji_catalog", "validation").samples[:64])
    shown = protect(control, own_data, [], seed=1)
    knowledge = Knowledge(None, own_data, queried=shown)  # type: ignore[arg-type]
    clean, dirty = emoji()[:16], SampleSet(released(control)[:16])
    mended = prepare("lora_sft+bridge", dirty, knowledge)
    before, after = (((levels(pictures) - levels(clean)) ** 2).mean() for pictures in (dirty, mended))
    assert after < 0.5 * before


def test_total_variation_removes_that_noise() -> None:
    """The reference that a bridge must reach."""
    from skimage.restoration import denoise_tv_chambolle

    clean, dirty = levels(emoji()[:16]), levels(released("random_noise_class")[:16])
    mended = [denoise_tv_chambolle(picture / 255, weight=0.01, channel_axis=2) * 255 for picture in dirty]
    assert ((mended - clean) ** 2).mean() < 0.5 * ((dirty - clean) ** 2).mean()


@pytest.mark.parametrize("part", ["drop_inserted", "drop_rare"])
@pytest.mark.parametrize("control", ["random_trigger", "text_trigger"])
def test_triggers_of_real_releases_are_dropped(part: str, control: str, victim: LVLM, samples: SampleSet) -> None:
    """Compare the words that were dropped with those that were inserted: precision and recall."""
    few = SampleSet(samples[:6])
    options = {"candidates": 2} if control == "text_trigger" else {}
    dirty = protect(control, few, [victim], **options)
    mended = prepare(f"lora_sft+{part}", dirty, Knowledge(victim, emoji("validation")))
    hits = dropped = inserted = 0
    for clean, with_words, without in zip(few, dirty, mended, strict=True):
        own, given, kept = (s.question.split() for s in (clean, with_words, without))
        inserted += len(given) - len(own)
        dropped += len(given) - len(kept)
        hits += len(given) - len(own) - sum(max(0, kept.count(w) - own.count(w)) for w in set(kept))
    assert inserted == 5 * len(few)
    assert hits >= 0.9 * dropped and hits >= 0.9 * inserted, (hits, dropped, inserted)


def test_error_minimising_noise_does_not_survive_ueraser(victim: LVLM, samples: SampleSet) -> None:
    """Compare how much `hypo` lowers the loss of pictures as they are, and of the hardest of the augmentations."""
    few = SampleSet(samples[:6])
    noisy = protect("hypo", few, [victim], image_steps=12)
    (part,) = REGISTRY.build(parse_attack("lora_sft+ueraser")).parts

    def loss(some: SampleSet, seed: int | None) -> torch.Tensor:
        rng = np.random.default_rng(seed)
        shown = [s.pixels if seed is None else part.augment(s.pixels, rng) for s in some]
        images = [torch.from_numpy(p.copy()).permute(2, 0, 1).float() for p in shown]
        prompts = [Prompt(s.question, s.answer) for s in few]
        with torch.no_grad():
            return victim.loss(victim.encode(prompts, victim.layouts(images)), images)

    def hardest(some: SampleSet) -> torch.Tensor:
        return torch.stack([loss(some, seed) for seed in range(part.candidates)]).max(0).values

    plain = float((loss(few, None) - loss(noisy, None)).mean())
    through = float((hardest(few) - hardest(noisy)).mean())
    assert plain > 1 and through < 0.2 * plain, (plain, through)
