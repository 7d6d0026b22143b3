"""Flags: each is raised where it should be and not just before; none of them drops or changes a cell."""

from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from bench.scoring.flag import Cell, Flag
from bench.scoring.protection import LISTED_SEEDS
from bench.scoring.smells import CHECKS, TENTH, cochran_q, find_flags
from bench.scoring.stats import Estimate
from defenses import REGISTRY

ZERO, CLEAN = 0.1, 0.9


def cell(defense: str, value: float, half: float = 0.02, **changes: Any) -> Cell:
    """A cell with a clean gain of 80 points and one seed, which touches what its name says."""
    estimate = Estimate(value, value - half, value + half)
    made = Cell(defense, "lora_sft", defense, defense in REGISTRY.controls, ZERO, CLEAN,
                CLEAN - value * (CLEAN - ZERO), estimate, {0: estimate}, True,
                pixels=defense not in ("none", "text_trigger", "random_trigger"),
                words=defense in ("mmguard", "multimodal", "text_trigger", "random_trigger"))  # fmt: skip
    return made._replace(**changes)


def of(kind: str, *cells: Cell) -> list[tuple[str, str]]:
    """Whom the flags of a kind concern."""
    return [(flag.defense, flag.attack) for flag in find_flags(cells) if flag.kind == kind]


def seeds(*values: float, half: float = 0.04) -> dict[int, Estimate | None]:
    return {seed: Estimate(v, v - half, v + half) for seed, v in enumerate(values)}


def test_a_clean_game_has_no_flags() -> None:
    alone = cell("text_trigger", 0.2), cell("random_trigger", 0.01), cell("random_noise", 0.02)
    assert find_flags([cell("none", 0.0, 0), cell("mmguard", 0.7), *alone]) == []


def test_an_attack_that_gains_too_little_from_clean_data_is_told_once_with_its_numbers() -> None:
    weak = cell("em", 0.5, attack="iss", clean=0.13, eligible=False, protection=None, seeds={0: None})
    weaker = weak._replace(defense="hypo", clean=0.12)
    (flag,) = find_flags([cell("mmguard", 0.7), weak, weaker])
    assert (flag.kind, flag.defense, flag.attack) == ("under-trained", "", "iss")
    assert flag.text.startswith("iss gains 2.0 points from clean data, from 10.0% without their content to 12.0%")


@pytest.mark.parametrize(("clean", "flagged"), [(0.49, True), (0.51, False)])
def test_an_attack_that_keeps_less_than_half_of_what_plain_fine_tuning_gains_is_told(
    clean: float, flagged: bool
) -> None:
    cells = cell("em", 0.5), cell("em", 0.5, attack="gray", clean=clean)
    assert of("attack breaks utility", *cells) == ([("", "gray")] if flagged else [])
    assert of("attack breaks utility", cells[1]) == [], "plain fine-tuning was not played"


@pytest.mark.parametrize("control", sorted(REGISTRY.controls - {"wrong_answers"}))
def test_a_control_that_reaches_the_interval_is_as_good(control: str) -> None:
    defense = cell("mmguard", 0.5, 0.1)
    assert of("control as good", defense, cell(control, 0.375, 0.03)) == [("mmguard", "lora_sft")]
    assert of("control as good", defense, cell(control, 0.365, 0.03)) == []
    assert of("control as good", defense, cell(control, 0.9, 0.03)) == [("mmguard", "lora_sft")], "far better"
    assert of("control as good", defense, cell(control, 0.375, 0.03, attack="jpeg")) == [], "another attack"
    assert of("control as good", defense, cell(control, 0.375, seeds=dict(enumerate([None] * 3, 1)))) == [], "seeds"


@pytest.mark.parametrize(
    ("defense", "control"),
    [("lsp", "random_trigger"), ("text_trigger", "random_noise"), ("text_trigger", "random_noise_class")],
)
def test_a_control_of_what_the_defense_leaves_alone_is_no_rival(defense: str, control: str) -> None:
    assert of("control as good", cell(defense, 0.5), cell(control, 0.5)) == []
    assert of("control as good", cell(defense, 0.5), cell("none", 0.5)) == [(defense, "lora_sft")]


def test_the_best_control_is_named_with_both_intervals() -> None:
    (flag,) = find_flags([cell("lsp", 0.05, 0.03), cell("random_noise", 0.02), cell("random_noise_class", 0.04)])
    assert flag.text == (
        "lsp protects +0.05 [+0.02, +0.08] under lora_sft, control random_noise_class +0.04 [+0.02, +0.06]: "
        "the intervals overlap."
    )
    above = find_flags([cell("lsp", 0.05, 0.03), cell("none", 0.2, 0.02)])
    assert [s.text for s in above if s.defense] == [
        "lsp protects +0.05 [+0.02, +0.08] under lora_sft, no defense +0.20 [+0.18, +0.22]: that is more."
    ]


def test_the_upper_bound_is_no_rival_and_controls_do_not_compete() -> None:
    assert find_flags([cell("em", 0.5), cell("wrong_answers", 0.98), cell("random_noise", 0.0)]) == []


@pytest.mark.parametrize("control", ["random_noise", "random_noise_class", "random_trigger"])
def test_a_control_that_surely_protects_by_more_than_a_tenth_is_told(control: str) -> None:
    assert of("control protects", cell(control, TENTH + 0.01)) == [(control, "lora_sft")]
    assert of("control protects", cell(control, TENTH - 0.01)) == []
    assert of("control protects", cell(control, TENTH + 0.01, 0.2)) == [], "not surely"


@pytest.mark.parametrize("trigger", ["text_trigger", "random_trigger"])
def test_words_alone_that_reach_the_interval_may_explain_it(trigger: str) -> None:
    both = cell("mmguard", 0.6, 0.1)
    assert of("trigger explains", both, cell(trigger, 0.49)) == [("mmguard", "lora_sft")]
    assert of("trigger explains", both, cell(trigger, 0.47)) == []
    assert of("trigger explains", both, cell(trigger, 0.49, attack="jpeg")) == []
    assert of("trigger explains", both._replace(words=False), cell(trigger, 0.49)) == [], "pictures alone"
    assert of("trigger explains", both._replace(pixels=False), cell(trigger, 0.49)) == [], "words alone"


def test_seeds_that_their_intervals_do_not_explain_are_apart() -> None:
    (flag,) = [s for s in find_flags([cell("em", 0.3, seeds=seeds(0.3, 0.1, 0.5))]) if s.kind == "seeds apart"]
    assert (flag.defense, flag.attack) == ("em", "lora_sft")
    assert "from +0.10 (seed 1) to +0.50 (seed 2): 0.40 apart" in flag.text
    for calm in (seeds(0.3, 0.1, 0.5, half=0.4), seeds(0.3, 0.3 + TENTH - 0.01, half=0.001), seeds(0.3), {}):
        assert of("seeds apart", cell("em", 0.3, seeds=calm)) == []
    assert of("seeds apart", cell("em", 0.3, seeds=seeds(0.3, 0.3 + TENTH + 0.01, half=0.001))) != []
    assert of("seeds apart", cell("none", 0.3, seeds=seeds(0.3, 0.1, 0.5))) != [], "controls scatter too"


def test_an_unjudged_seed_and_a_single_picture_are_no_spread() -> None:
    assert of("seeds apart", cell("em", 0.3, seeds={0: None, 1: Estimate(0.5, 0.4, 0.6)})) == []
    assert of("seeds apart", cell("em", 0.3, seeds=seeds(0.1, 0.9, half=np.inf))) == []


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 1)), min_size=2, max_size=6))
def test_q_is_the_pairwise_form_of_cochrans(drawn: list[tuple[float, float]]) -> None:
    """Sum over pairs of w_i w_j (x_i - x_j)^2 over the sum of weights: another way to write the same."""
    weights = [(2 * 1.959963984540054 / (2 * half)) ** 2 for _, half in drawn]
    pairs = [weights[i] * weights[j] * (drawn[i][0] - drawn[j][0]) ** 2 for i in range(len(drawn)) for j in range(i)]
    q = cochran_q([Estimate(v, v - half, v + half) for v, half in drawn])
    assert q == pytest.approx(sum(pairs) / sum(weights), rel=1e-6, abs=1e-9)


def test_seeds_of_one_protection_are_seldom_apart() -> None:
    """Three seeds whose errors are just what their intervals say: Q is above its 5 % quantile 5 % of the time."""
    rng = np.random.default_rng(0)
    drawn = rng.normal(0.5, 0.04, (2000, 3))
    half = 0.04 * 1.959963984540054
    q = [cochran_q([Estimate(v, v - half, v + half) for v in row]) for row in drawn]
    assert np.mean(np.array(q) > chi2.isf(0.05, 2)) == pytest.approx(0.05, abs=0.015)


def test_a_listed_defense_whose_controls_were_not_played_is_told() -> None:
    three = seeds(*[0.7] * LISTED_SEEDS)
    mine = cell("mmguard", 0.7, seeds=three), cell("mmguard", 0.8, attack="jpeg", seeds=three)
    played = cell("none", 0.0, 0.0), cell("random_noise", 0.0), cell("random_trigger", 0.0)
    flagged = [s.text for s in find_flags([*mine, *played]) if s.kind == "no control played"]
    assert flagged == [
        "No run of random_noise or random_noise_class under jpeg has a seed of mmguard: what noise alone does there is "
        "unknown.",
        "No run of random_trigger under jpeg has a seed of mmguard: what inserted words alone do there is unknown.",
    ]
    assert of("no control played", *mine, *played, *(c._replace(attack="jpeg") for c in played)) == []
    assert of("no control played", *(c._replace(seeds=seeds(*[0.7] * (LISTED_SEEDS - 1))) for c in mine)) == []
    pixels = [c._replace(words=False) for c in mine]
    assert len(of("no control played", *pixels, *played[:2])) == 1, "who inserts no words needs no words"
    assert of("no control played", *(c._replace(method="random_noise", control=True) for c in mine)) == [], (
        "a control has none"
    )


def test_what_is_said_of_a_cell_does_not_depend_on_the_order() -> None:
    cells = [cell("none", 0.2), cell("random_noise", 0.35), cell("mmguard", 0.36), cell("text_trigger", 0.4)]
    assert len(find_flags(cells)) > 2
    assert find_flags(cells) == find_flags(cells[::-1])


NAMES = ["em", "mmguard", *sorted(REGISTRY.controls)]
estimates = st.lists(st.floats(-1.5, 1.5), min_size=3, max_size=3).map(sorted).map(lambda e: Estimate(e[1], e[0], e[2]))
cells_drawn = st.builds(
    lambda name, attack, all_seeds, each, eligible: cell(name, 0.0, attack=attack, protection=all_seeds,
                                                         eligible=eligible, seeds=dict(enumerate(each))),
    st.sampled_from(NAMES), st.sampled_from(["lora_sft", "jpeg"]), st.none() | estimates,
    st.lists(st.none() | estimates, min_size=1, max_size=4), st.booleans(),
)  # fmt: skip


@given(st.lists(cells_drawn, max_size=12, unique_by=lambda c: (c.defense, c.attack)))
def test_flags_name_cells_that_are_there_and_change_none(cells: list[Cell]) -> None:
    before = deepcopy(cells)
    flagged = find_flags(cells)
    assert cells == before
    assert {s.defense for s in flagged} <= {"", *(c.defense for c in cells)}
    assert {s.attack for s in flagged} <= {"", *(c.attack for c in cells)}
    assert all(any(character.isdigit() for character in s.text) or s.kind == "no control played" for s in flagged)


@given(st.lists(cells_drawn, max_size=8, unique_by=lambda c: (c.defense, c.attack)), st.floats(0.01, 0.3))
def test_wider_intervals_never_make_a_defense_stand_out(cells: list[Cell], more: float) -> None:
    """A flag for overlap stays where the intervals of all cells grow."""
    wider = [
        c._replace(protection=Estimate(p.value, p.low - more, p.high + more)) if (p := c.protection) else c
        for c in cells
    ]
    for kind in ("control as good", "trigger explains"):
        assert set(of(kind, *cells)) <= set(of(kind, *wider))


def test_flags_come_by_kind() -> None:
    order = [check.__name__ for check in CHECKS]
    assert len(set(order)) == len(order)
    cells = [cell("none", 0.2), cell("random_noise", 0.35), cell("mmguard", 0.36), cell("text_trigger", 0.4)]
    kinds = [flag.kind for flag in find_flags(cells)]
    assert [kind for kind, following in pairwise([*kinds, ""]) if kind != following] == list(dict.fromkeys(kinds))


def test_whom_a_flag_concerns_is_told_in_words() -> None:
    assert Flag("k", "em", "iss", "").scope == "em × iss"
    assert Flag("k", "", "iss", "").scope == "every defense × iss"
    assert Flag("k", "em", "", "").scope == "em × every attack"
