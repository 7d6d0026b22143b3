"""A suite is every combination of its lists, with some added and some left out."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from attacks.required import expand_set
from bench.cli import parse
from bench.datasets.cards import HUB
from bench.errors import UserError
from bench.game.playable import check_playable
from bench.game.suite import MAX_MATRICES, MAX_RUNS, Matrix, Suite, read_suite
from bench.game.suites import presets
from bench.game.threat import PAPER, surrogates
from bench.spec import Budget, Method, RunSpec
from bench.victims import EMBEDDED
from defenses import REGISTRY as DEFENSES

HEAD = {"version": 1, "title": "A suite"}


def suite(**fields: object) -> Suite:
    return Suite.model_validate({**HEAD, "defenses": ["em"], **fields})


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    """Writes a suite with changed fields and gives its path."""

    def write(**fields: object) -> str:
        file = tmp_path / "suite.yaml"
        file.write_text(yaml.safe_dump({**HEAD, "defenses": ["em"], **fields}))
        return str(file)

    return write


TO_FETCH = {"paper": "is not prepared; `bench data prepare", "smol": "make it with `bench victims fetch smol-llava`"}
"""Suites that need more than what is embedded, and what a run of theirs says first."""


@pytest.mark.parametrize("name", presets())
def test_every_run_of_a_shipped_suite_can_be_played_or_says_what_to_fetch(name: str) -> None:
    runs = read_suite(name).runs()
    assert len(runs) >= 3
    for spec in runs:
        parse.check_spec(spec)
        if name in TO_FETCH:
            with pytest.raises(UserError, match=TO_FETCH[name]):
                check_playable(spec)
        else:
            check_playable(spec)


def test_the_papers_suite_is_its_nine_models_six_data_sets_and_three_boxes() -> None:
    runs = read_suite("paper").runs()
    victims = {threat: {r.victim for r in runs if r.threat == threat} for threat in ("white", "gray", "black")}
    assert [len(v) for v in victims.values()] == [1, 3, 5]
    assert len(set().union(*victims.values())) == 9
    assert {r.dataset for r in runs} == {*HUB} - {"flickr8k"}
    assert surrogates("llava-1.5-7b", "black") == PAPER
    for spec in runs:
        owners = surrogates(spec.victim, spec.threat)
        assert (spec.victim in owners) == (spec.threat == "white")


def test_the_embedded_suite_plays_its_defenses_against_all_that_the_rank_is_by() -> None:
    """A defense that was added since need not be in it."""
    runs = read_suite("embedded").runs()
    assert len(runs) <= 1000
    first = [r for r in runs if r.dataset == "emoji_catalog" and r.threat == "white"]
    defenses = {r.defense.name for r in first}
    assert {"mmguard", "em", *DEFENSES.controls} <= defenses <= set(DEFENSES.catalog)
    for defense in defenses:
        met = [r.attack for r in first if r.defense.name == defense]
        assert met == [ATTACKS.normalise(parse_attack(text)) for text in expand_set("best")]
    black = {r.defense.name for r in runs if r.threat == "black"}
    assert defenses - black == {*DEFENSES.controls, "lsp"}, "those that no surrogate decides"
    assert {r.seed for r in runs} == {0}


def test_the_plain_suite_is_the_tables_of_the_docs() -> None:
    runs = read_suite("plain").runs()
    cells = {(r.defense.name, r.victim, r.threat, r.seed) for r in runs}
    assert len(cells) == len(runs)
    assert {t for d, _, t, s in cells if d == "mmguard" and s == 0} == {"white", "gray", "black"}
    assert {s for d, v, t, s in cells if (d, v, t) == ("mmguard", "tiny-llava-a", "black")} == {0, 1, 2}
    assert not [c for c in cells if c[0].startswith("random") and c[2] != "white"]
    assert {v for d, v, _, _ in cells if d == "random_noise"} == {v for v in EMBEDDED if not v.endswith("-64")}


@given(
    defenses=st.lists(st.sampled_from(["em", "none", "mmguard"]), min_size=1, unique=True),
    threats=st.lists(st.sampled_from(["white", "gray", "black"]), min_size=1, unique=True),
    seeds=st.lists(st.integers(0, 9), min_size=1, unique=True),
    epsilons=st.lists(st.integers(0, 255), min_size=1, max_size=3, unique=True),
)
def test_a_matrix_is_the_product_of_its_lists(
    defenses: list[str], threats: list[str], seeds: list[int], epsilons: list[int]
) -> None:
    budgets = [{"epsilon": e} for e in epsilons]
    runs = suite(defenses=defenses, threats=threats, seeds=seeds, budgets=budgets).runs()
    assert {(r.defense.name, r.threat, r.seed, r.budget.epsilon) for r in runs} == {
        (d, t, s, e) for d in defenses for t in threats for s in seeds for e in epsilons
    }
    assert len(runs) == len(defenses) * len(threats) * len(seeds) * len(epsilons)


def test_a_name_is_short_for_a_method_without_options() -> None:
    runs = suite(defenses=["em", {"name": "em", "options": {"rounds": 4}}]).runs()
    assert [r.defense for r in runs] == [Method(name="em"), Method(name="em", options={"rounds": 4})]


def test_what_is_included_twice_is_played_once() -> None:
    runs = suite(seeds=[0, 1], include=[{"defenses": ["em", "none"], "seeds": [1, 2]}]).runs()
    assert [(r.defense.name, r.seed) for r in runs] == [("em", 0), ("em", 1), ("em", 2), ("none", 1), ("none", 2)]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"defense": "em"}, True),
        ({"defense": ["none", "em"], "seed": 3}, True),
        ({"defense": "em", "seed": 4}, False),
        ({"threat": ["gray"]}, False),
        ({"seed": [3], "attack": "lora_sft"}, True),
        ({"attack": "lora_sft", "dataset": "tags"}, False),
    ],
)
def test_a_pattern_fits_where_all_that_it_says_agrees(pattern: dict[str, object], fits: bool) -> None:
    attacks = ["full_sft", "lora_sft"]
    include = [
        {"defenses": ["none", "em"], "threats": ["gray"], "seeds": [4], "datasets": ["tags"], "attacks": attacks}
    ]
    runs = suite(seeds=[3], include=include, exclude=[pattern]).runs()
    assert (RunSpec(defense=Method(name="em"), attack=Method(name="lora_sft"), seed=3) not in runs) is fits


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ({"defense": "emm"}, "exclude.0.defense: 'emm' is in no run of this suite; allowed: em, none"),
        ({"defense": ["em", "emm"]}, "exclude.0.defense: 'emm'"),
        ({"defense": ".*"}, "exclude.0.defense: '.*'"),
        ({"defense": "EM"}, "exclude.0.defense: 'EM'"),
        ({"seed": 7}, "exclude.0.seed: '7' is in no run of this suite; allowed: 0, 1"),
        ({"defense": "none", "seed": 1}, "exclude.0: fits no run"),
        ({}, "exclude.0: fits no run"),
        ({"threat": []}, "exclude.0.threat: '[]'"),
        ({"threat": None}, "exclude.0.threat.0: 'None'"),
        ({"seed": True}, "exclude.0.seed.0: 'True'"),
        (None, "exclude.0: 'None'"),
        ("em", "exclude.0: 'em'"),
    ],
)
def test_a_pattern_that_fits_no_run_is_a_slip_of_the_pen(
    written: Callable[..., str], pattern: object, told: str
) -> None:
    include = [{"defenses": ["none"], "seeds": [0]}]
    with pytest.raises(UserError) as error:
        read_suite(written(seeds=[0, 1], include=include, exclude=[pattern])).runs()
    assert str(error.value).startswith(told)


def test_what_is_excluded_is_not_played() -> None:
    runs = suite(defenses=["em", "none"], threats=["white", "black"], exclude=[{"defense": "none", "threat": "black"}])
    assert [(r.defense.name, r.threat) for r in runs.runs()] == [("em", "white"), ("none", "white"), ("em", "black")]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"version": 2}, "version: '2'"),
        ({"speed": 1}, "speed: '1'"),
        ({"defenses": []}, "defenses: "),
        ({"defenses": ["os.system"]}, "defenses.0.name: 'os.system'"),
        ({"threats": ["grey"]}, "threats.0: 'grey'"),
        ({"seeds": [1, 1]}, "seeds: "),
        ({"budgets": [{"epsilon": 300}]}, "budgets.0.epsilon: '300'"),
        ({"exclude": [{"colour": "red"}]}, "exclude.0.colour: 'red'"),
        ({"include": [{}]}, "include.0.defenses: "),
    ],
)
def test_a_wrong_suite_says_where(written: Callable[..., str], fields: dict[str, object], told: str) -> None:
    with pytest.raises(UserError) as error:
        read_suite(written(**fields))
    assert str(error.value).startswith(told)


def test_an_unknown_suite_names_the_shipped_ones() -> None:
    names = "boxes, confirm, datasets, embedded, full, paper, plain, smoke, smol"
    with pytest.raises(UserError, match=f"suite: 'embeded' is no file; allowed: a YAML file or one of {names}"):
        read_suite("embeded")


MANY = [Method(name="em")] * 400


@pytest.mark.parametrize("part", ["matrix", "included", "together"])
def test_too_many_runs_are_refused_before_they_are_made(part: str) -> None:
    """The matrices would fill the memory if they were made."""
    small = Matrix(defenses=[Method(name="em")])
    large = Matrix(defenses=MANY, attacks=MANY, budgets=[Budget()] * 1000)
    made = {
        "matrix": suite(defenses=[{"name": "em"}] * 400, attacks=["lora_sft"] * 400),
        "included": suite(include=[small, large]),
        "together": suite(include=[Matrix(defenses=MANY, attacks=[Method(name="lora_sft")] * 200)] * 2),
    }
    count = {"matrix": 160_000, "included": 160_000_002, "together": 160_001}
    with pytest.raises(UserError, match=f"{count[part]} runs; allowed: {MAX_RUNS}"):
        made[part].runs()


def test_many_patterns_on_many_runs_take_seconds() -> None:
    few = suite(seeds=list(range(MAX_RUNS)), exclude=[{"seed": n, "defense": "em"} for n in range(MAX_MATRICES)])
    start = time.perf_counter()
    assert len(few.runs()) == MAX_RUNS - MAX_MATRICES
    assert time.perf_counter() - start < 30


@pytest.mark.parametrize("field", ["include", "exclude"])
def test_lists_of_matrices_and_patterns_are_bounded(written: Callable[..., str], field: str) -> None:
    entry = {"include": '{"defenses": ["em"]}', "exclude": '{"seed": 0}'}[field]
    with pytest.raises(UserError, match=rf"^{field}: .* at most {MAX_MATRICES} items .* not {MAX_MATRICES + 1}"):
        read_suite(written(**{field: [json.loads(entry) for _ in range(MAX_MATRICES + 1)]}))
