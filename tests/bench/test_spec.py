"""Requests are closed, and an identity changes with everything in the payload and with nothing else."""

import hashlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.spec import Budget, Method, RunSpec, identity

names = st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
options = st.dictionaries(st.text(max_size=8), st.booleans() | numbers | st.text(max_size=8), max_size=4)
methods = st.builds(Method, name=names, options=options)
specs = st.builds(
    RunSpec,
    defense=methods,
    attack=methods,
    threat=st.sampled_from(["white", "gray", "black"]),
    seed=st.integers(0, 2**31 - 1),
    budget=st.builds(Budget, epsilon=st.integers(0, 255), words=st.integers(0, 64)),
)
leaves = st.none() | st.booleans() | numbers | st.text(max_size=6)
payloads = st.recursive(
    leaves, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=4), x, max_size=3), max_leaves=8
)


def test_identity_is_the_hash_of_canonical_json() -> None:
    by_hand = '{"a":[1,null,true,2.5],"ü":{"b":"é","c":"x"}}'
    payload = {"ü": {"c": "x", "b": "é"}, "a": [1, None, True, 2.5]}
    assert identity(payload) == hashlib.sha256(by_hand.encode("utf-8")).hexdigest()[:16]


@given(payloads, payloads)
def test_identities_are_equal_only_where_the_json_is(one: object, other: object) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (identity(one) == identity(other)) is same


@given(st.dictionaries(st.text(max_size=4), leaves, min_size=2, max_size=5))
def test_identity_ignores_the_order_of_keys(payload: dict[str, Any]) -> None:
    assert identity(dict(reversed(payload.items()))) == identity(payload)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_identity_refuses_what_json_has_no_number_for(value: float) -> None:
    with pytest.raises(ValueError):
        identity({"deep": [value]})


@given(specs)
def test_a_spec_survives_json_with_the_types_of_its_options(spec: RunSpec) -> None:
    again = RunSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    for before, after in ((spec.defense, again.defense), (spec.attack, again.attack)):
        assert {k: type(v) for k, v in before.options.items()} == {k: type(v) for k, v in after.options.items()}
    assert identity(again.model_dump()) == identity(spec.model_dump())


@pytest.mark.parametrize(
    "change",
    [
        {"defense": Method(name="em")},
        {"attack": Method(name="none", options={"lr": 1})},
        {"dataset": "other"},
        {"victim": "tiny-qwen3vl"},
        {"threat": "gray"},
        {"seed": 1},
        {"budget": Budget(epsilon=9)},
        {"budget": Budget(words=4)},
    ],
)
def test_every_field_of_a_spec_is_in_its_identity(change: dict[str, Any]) -> None:
    spec = RunSpec(defense=Method(name="none"), attack=Method(name="none"))
    assert identity(spec.model_copy(update=change).model_dump()) != identity(spec.model_dump())


@pytest.mark.parametrize(
    "change",
    [
        {"defence": {"name": "none"}},
        {"threat": "grey"},
        {"seed": -1},
        {"seed": 2**31},
        {"seed": 0.5},
        {"budget": {"epsilon": 256}},
        {"budget": {"epsilon": -1}},
        {"budget": {"epsilon": 7.5}},
        {"budget": {"words": 65}},
        {"budget": {"epsilon": 8, "pixels": 3}},
        {"attack": {"name": "lora_sft", "options": {"lr": math.nan}}},
        {"attack": {"name": "lora_sft", "options": {"lr": math.inf}}},
        {"attack": {"name": "lora_sft", "options": {"lr": [1, 2]}}},
        {"attack": {"name": "LoRA"}},
        {"attack": {"name": "../../etc"}},
        {"attack": {"name": "lora\n"}},
        {"attack": {"name": ""}},
        {"attack": {"name": "a" * 129}},
        {"attack": {"name": "lora_sft+"}},
        {"attack": {"name": "lora_sft++gray"}},
        {"attack": {"name": "lora_sft+Gray"}},
    ],
)
def test_a_spec_refuses_what_it_does_not_know(change: dict[str, Any]) -> None:
    good = {"defense": {"name": "none"}, "attack": {"name": "none"}}
    RunSpec.model_validate(good)
    with pytest.raises(ValidationError):
        RunSpec.model_validate(good | change)


def test_a_spec_cannot_be_changed() -> None:
    spec = RunSpec(defense=Method(name="none"), attack=Method(name="none"))
    with pytest.raises(ValidationError):
        spec.seed = 3
    with pytest.raises(ValidationError):
        spec.budget.epsilon = 255
