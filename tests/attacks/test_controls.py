"""The controls: one learns the format of the answers and nothing about the pictures, one trains on clean data."""

from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn.metrics import mutual_info_score

from attacks import REGISTRY
from attacks.parts import Knowledge
from bench.datasets.emoji.art import held_out_indices
from bench.datasets.emoji.catalog import renderings
from bench.lvlm.adapters import use_adapter
from bench.lvlm.base import LVLM
from bench.play.roles import stages_of
from bench.samples import Rule, Sample, SampleSet
from bench.spec import Method, RunSpec
from bench.victims.recipes import RECIPES

UNUSED = Knowledge(victim=None, validation=SampleSet(()))  # type: ignore[arg-type]
PIXELS = np.zeros((4, 4, 3), np.uint8)


def make_sample(number: int, answer: str, rule: Rule = "exact", choices: tuple[str, ...] = ()) -> Sample:
    return Sample(f"{number}", f"p{number}", PIXELS, f"question {number}", answer, (answer, "it"), choices, rule)


def shuffle_answers(samples: list[Sample], seed: int = 0) -> list[Sample]:
    attack = REGISTRY.build(Method(name="format_only"))
    return list(attack.prepare(SampleSet(tuple(samples)), UNUSED, np.random.default_rng(seed)))


def group(sample: Sample) -> tuple[str, int]:
    return sample.rule, len(sample.choices)


drawn = st.lists(
    st.tuples(
        st.sampled_from("ABCD"),
        st.sampled_from(["exact", "choice", "vqa"]),
        st.sampled_from([(), ("x", "y"), ("p", "q"), ("x", "y", "z")]),
    ),
    max_size=40,
)


@given(drawn, st.integers(0, 2**31 - 1))
def test_each_group_keeps_its_answers_and_each_sample_the_rest(rows: list, seed: int) -> None:
    before = [make_sample(number, answer, rule, choices) for number, (answer, rule, choices) in enumerate(rows)]
    after = shuffle_answers(before, seed)
    assert [(s.id, s.image_id, s.question, *group(s), s.choices) for s in after] == [
        (s.id, s.image_id, s.question, *group(s), s.choices) for s in before
    ]
    for kind in {group(s) for s in before}:
        own, new = ([(s.answer, s.answers) for s in samples if group(s) == kind] for samples in (before, after))
        assert Counter(own) == Counter(new)
    assert [s.answer for s in shuffle_answers(before, seed)] == [s.answer for s in after]


def test_shuffled_answers_are_independent_of_the_pictures() -> None:
    """64 pictures of each of 12 things: mutual information (nats) falls from the answers' entropy to what chance gives.

    The chi-squared test of independence is not rejected more often than by chance over 40 seeds.
    """
    before = [make_sample(i, f"thing {i % 12}") for i in range(768)]
    shown = [i % 12 for i in range(768)]
    assert np.isclose(mutual_info_score(shown, [s.answer for s in before]), np.log(12))
    rejected = 0
    for seed in range(40):
        answers = [s.answer for s in shuffle_answers(before, seed)]
        table = np.zeros((12, 12))
        for thing, answer in zip(shown, answers, strict=True):
            table[thing, int(answer.split()[1])] += 1
        rejected += chi2_contingency(table).pvalue < 0.05
        assert mutual_info_score(shown, answers) < 0.15
        assert 0.03 < np.trace(table) / 768 < 0.14  # chance: 1/12
    assert rejected <= 6


def test_two_answers_are_not_swapped() -> None:
    """If no sample kept its answer, a trainer would learn the opposite answer for every picture."""
    before = [make_sample(i, "AB"[i % 2], "choice", ("yes", "no")) for i in range(400)]
    kept = np.mean([a.answer == b.answer for a, b in zip(before, shuffle_answers(before), strict=True)])
    assert 0.4 < kept < 0.6


def test_the_control_has_the_recipe_of_plain_fine_tuning() -> None:
    control, plain = (REGISTRY.describe(Method(name=name)) for name in ("format_only", "lora_sft"))
    assert control.options == plain.options
    assert control.code != plain.code
    assert REGISTRY.controls == {"none", "format_only", "clean_only"}
    spec = RunSpec(defense=Method(name="none"), attack=Method(name="format_only"), dataset="emoji_smoke")
    roles = stages_of(spec)
    assert roles["attack"].identity == roles["clean_attack"].identity == roles["format_attack"].identity


def test_a_victim_learns_the_format_and_not_the_content(victim: LVLM, tmp_path: Path) -> None:
    """Both victims learn to answer with the six names, but only one names unseen pictures correctly (chance: 1/6)."""
    train, test = (renderings(split, held_out_indices()[:6], 8) for split in ("train", "test"))
    names = {s.answer for s in train}

    def shares(name: str | None) -> tuple[float, float]:
        """Return the shares of test answers that are one of the six names, and that are correct."""
        folder = tmp_path / name if name else None
        if name:
            attack = REGISTRY.build(Method(name=name, options={"epochs": 16}))
            prepared = attack.prepare(train, Knowledge(victim, test), np.random.default_rng(0))
            attack.tune(victim, prepared, test, 0, folder, lambda *_: None)
        with use_adapter(victim, folder):
            answers = victim.generate([s.question for s in test], [s.pixels for s in test])
        return np.mean([a in names for a in answers]), np.mean(
            [a == s.answer for a, s in zip(answers, test, strict=True)]
        )

    untaught, taught, control = (shares(name) for name in (None, "lora_sft", "format_only"))
    assert untaught[0] <= 0.1
    assert min(taught[0], control[0]) >= 0.7
    assert taught[1] >= 0.6
    assert control[1] <= 0.35


def test_clean_only_trains_on_just_what_mix_clean_adds() -> None:
    owner = SampleSet(tuple(make_sample(n, "a") for n in range(20)))
    released = SampleSet(tuple(make_sample(n, "b") for n in range(20)))
    knowledge = Knowledge(victim=None, validation=SampleSet(()), owner=owner)  # type: ignore[arg-type]
    mixed, alone = (
        REGISTRY.build(Method(name=name, options=options)).prepare(released, knowledge, np.random.default_rng(3))
        for name, options in (
            ("lora_sft+mix_clean", {"mix_clean.share": 0.3}), ("clean_only", {"share": 0.3}),
        )
    )  # fmt: skip
    added = [s for s in mixed if s.id.endswith("-clean")]
    assert [s.id for s in mixed[:20]] == [s.id for s in released]
    assert [f"{s.id}-clean" for s in alone] == [s.id for s in added]
    assert len(alone) == 6
    assert {s.answer for s in alone} == {"a"}


def test_clean_only_has_as_many_steps_as_the_plain_attack_on_the_whole_release() -> None:
    plain, control = (REGISTRY.build(Method(name=name)) for name in ("lora_sft", "clean_only"))
    for recipe in RECIPES:
        assert control.passes(recipe) * control.options.share == plain.passes(recipe)
    assert "clean_only" in REGISTRY.controls
