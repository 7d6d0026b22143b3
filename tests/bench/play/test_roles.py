"""A change to a request renames exactly the artefacts that follow from it."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bench.methods.registry
from attacks import REGISTRY as ATTACKS
from bench import victims
from bench.datasets import load
from bench.errors import UserError
from bench.game.threat import surrogates
from bench.methods.code import code_hash
from bench.play.roles import stages_of
from bench.spec import Budget, Method, RunSpec
from bench.stages import dataset, evaluate, stage
from bench.stages.protect import draw_queries
from defenses import REGISTRY as DEFENSES

RELEASE = {"protect", "audit"}
TRAINED = {"attack", "evaluate", "validation"}
ZERO = {"zero", "zero_validation"}
FORMAT = {"format_attack", "format", "format_validation"}
CLEAN = {"clean_attack", "clean", "clean_validation"}
REFERENCE = FORMAT | CLEAN
ALL = {"original"} | ZERO | REFERENCE | RELEASE | TRAINED
DEPENDS = {"none": "", "random_noise": "budget seed", "em": "budget seed surrogates"}

EM = Method(name="em", options={"rounds": 3})
LORA = Method(name="lora_sft", options={"epochs": 2})
BASE = RunSpec(defense=EM, attack=LORA)

defenses = st.sampled_from([Method(name="none"), Method(name="random_noise"), Method(name="em"), EM])
attacks = st.sampled_from([Method(name="none"), Method(name="lora_sft"), LORA])
specs = st.builds(
    RunSpec,
    defense=defenses,
    attack=attacks,
    dataset=st.sampled_from(["emoji_catalog", "emoji_smoke"]),
    victim=st.sampled_from(["tiny-llava-a", "tiny-qwen3vl"]),
    threat=st.sampled_from(["white", "black"]),
    seed=st.integers(0, 1),
    budget=st.builds(Budget, epsilon=st.sampled_from([4, 8]), words=st.sampled_from([0, 5])),
)


@pytest.fixture(autouse=True, scope="module")
def _no_checkpoint_is_read() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(victims, "revision", lambda name: f"{name} as it is")
        yield


@pytest.fixture(autouse=True)
def _no_stage_is_remembered() -> Iterator[None]:
    dataset._stage.cache_clear()
    yield
    dataset._stage.cache_clear()


def names(spec: RunSpec) -> dict[str, str]:
    """The identity of every artefact of a run by its role."""
    return {role: stage.identity for role, stage in stages_of(spec).items()}


def renamed(one: RunSpec, other: RunSpec) -> set[str]:
    """The roles whose artefacts differ."""
    before, after = names(one), names(other)
    return {role for role in before.keys() | after.keys() if before.get(role) != after.get(role)}


@pytest.mark.parametrize(
    ("change", "roles"),
    [
        ({"defense": Method(name="em", options={"rounds": 4})}, RELEASE | TRAINED),
        ({"defense": Method(name="em", options={"rounds": 3, "inner_lr": 2e-4})}, RELEASE | TRAINED),
        ({"defense": Method(name="em", options={"rounds": 3, "inner_steps": 5})}, set()),
        ({"defense": Method(name="random_noise")}, RELEASE | TRAINED),
        ({"attack": Method(name="lora_sft", options={"epochs": 3})}, CLEAN | TRAINED),
        ({"attack": Method(name="lora_sft", options={"epochs": 2, "rank": 16})}, set()),
        ({"attack": Method(name="none")}, REFERENCE | TRAINED),
        ({"budget": Budget(epsilon=9)}, RELEASE | TRAINED),
        ({"budget": Budget(words=4)}, RELEASE | TRAINED),
        ({"threat": "black"}, RELEASE | TRAINED),
        ({"seed": 1}, REFERENCE | RELEASE | TRAINED),
        ({"victim": "tiny-qwen3vl"}, ALL - {"original"}),
        ({"dataset": "emoji_smoke"}, ALL),
    ],
)
def test_a_change_renames_what_follows_from_it_and_nothing_else(change: dict[str, Any], roles: set[str]) -> None:
    assert renamed(BASE, BASE.model_copy(update=change)) == roles


@pytest.mark.parametrize(
    ("defense", "change", "roles"),
    [
        ("random_noise", {"threat": "black"}, set()),
        ("random_noise", {"victim": "tiny-llava-b"}, ALL - RELEASE - {"original"}),
        ("random_noise", {"seed": 1}, REFERENCE | RELEASE | TRAINED),
        ("random_noise", {"budget": Budget(epsilon=9)}, RELEASE | TRAINED),
        ("none", {"threat": "black"}, set()),
        ("none", {"seed": 1}, REFERENCE | TRAINED),
        ("none", {"budget": Budget(epsilon=9)}, {"audit"}),
    ],
)
def test_a_release_keeps_its_name_under_what_its_defense_does_not_look_at(
    defense: str, change: dict[str, Any], roles: set[str]
) -> None:
    spec = BASE.model_copy(update={"defense": Method(name=defense)})
    assert renamed(spec, spec.model_copy(update=change)) == roles


def causes(spec: RunSpec) -> dict[str, object]:
    """All that an artefact of each role may depend on."""
    owner = {"budget": spec.budget, "seed": spec.seed, "surrogates": surrogates(spec.victim, spec.threat)}
    release = (spec.dataset, str(spec.defense), *(owner[key] for key in DEPENDS[spec.defense.name].split()))
    trained = (str(spec.attack), release, spec.victim, spec.seed) if spec.attack.name != "none" else ()
    return {
        "original": spec.dataset,
        "zero": (spec.dataset, spec.victim),
        "clean": (spec.dataset, spec.victim, (str(spec.attack), spec.seed) if spec.attack.name != "none" else ()),
        "protect": release,
        "audit": (release, spec.budget),
        "evaluate": (spec.dataset, spec.victim, trained),
    }


@given(specs, specs)
def test_two_artefacts_share_a_name_exactly_where_their_causes_are_the_same(one: RunSpec, other: RunSpec) -> None:
    ours, theirs, different = causes(one), causes(other), renamed(one, other)
    assert {role: role in different for role in ours} == {role: ours[role] != theirs[role] for role in ours}


@pytest.mark.parametrize(
    ("module", "constant", "roles"),
    [
        (stage, "PROTOCOL", ALL),
        (evaluate, "EVALUATOR", ALL - {"original", "format_attack", "clean_attack", "attack"} - RELEASE),
    ],
)
def test_a_new_version_of_the_rules_renames_what_they_rule(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, constant: str, roles: set[str]
) -> None:
    before = names(BASE)
    monkeypatch.setattr(module, constant, getattr(module, constant) + 1)
    dataset._stage.cache_clear()
    after = names(BASE)
    assert {role for role in before if before[role] != after[role]} == roles


@pytest.mark.parametrize(
    ("edited", "roles"),
    [
        ("defenses.em", RELEASE | TRAINED),
        ("defenses.mmguard.bph", set()),
        ("attacks.tune.lora_sft", CLEAN | TRAINED),
    ],
)
def test_an_edited_method_renames_its_results(monkeypatch: pytest.MonkeyPatch, edited: str, roles: set[str]) -> None:
    before = names(BASE)
    for registry in (ATTACKS, DEFENSES):
        monkeypatch.setattr(registry, "_descriptions", {})
    monkeypatch.setattr(
        bench.methods.registry, "code_hash", lambda module: "edited" if module == edited else code_hash(module)
    )
    after = names(BASE)
    assert {role for role in before if before[role] != after[role]} == roles


@pytest.mark.parametrize(
    ("threat", "edited", "roles"),
    [
        ("white", "tiny-llava-a", ALL - {"original"}),
        ("gray", "tiny-llava-a", ZERO | REFERENCE | TRAINED),
        ("gray", "tiny-llava-b", RELEASE | TRAINED),
        ("white", "tiny-llava-b", set()),
    ],
)
def test_a_retrained_checkpoint_renames_what_was_made_with_it(
    monkeypatch: pytest.MonkeyPatch, threat: str, edited: str, roles: set[str]
) -> None:
    spec = BASE.model_copy(update={"threat": threat})
    before = names(spec)
    monkeypatch.setattr(victims, "revision", lambda name: f"{name} as it is" if name != edited else "retrained")
    after = names(spec)
    assert {role for role in before if before[role] != after[role]} == roles


def test_an_edited_data_set_renames_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    before = names(BASE)
    monkeypatch.setattr(dataset, "dataset_identity", lambda name: "edited")
    assert not set(before.values()) & set(names(BASE).values())


def test_the_protector_is_asked_with_as_many_samples_as_is_said() -> None:
    own = load("emoji_smoke", "validation")
    chosen = draw_queries(own, 10)
    assert len(chosen) == 10 and [s.id for s in own if s.id in {c.id for c in chosen}] == [c.id for c in chosen]
    assert draw_queries(own, 10).digest == chosen.digest
    with pytest.raises(UserError, match="queries: 64 of the trainer's own samples; allowed: 24"):
        draw_queries(own, 64)
