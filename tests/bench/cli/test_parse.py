"""A typed command becomes a `RunSpec`, or one line that names the field, the value and what is allowed."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cli import parse
from bench.errors import UserError
from bench.victims import embedded_folder

GOOD = {
    "defense": "em", "attack": "lora_sft", "dataset": "emoji_smoke", "victim": "tiny-llava-a", "threat": "white",
    "seed": 3, "epsilon": 4, "words": 2, "options": {"rounds": 1}, "attack_options": {"lr": 0.01},
}  # fmt: skip
BAD_BUDGETS = ["", "/255", "8/256", "8/", "8/255/255"]
WORDS_OF_YAML = {"yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"}

words = st.from_regex(r"[a-z][a-z_+]{1,11}", fullmatch=True).filter(lambda word: word not in WORDS_OF_YAML)
scalars = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words


@given(st.integers(0, 255))
def test_a_budget_is_read_with_and_without_its_255(levels: int) -> None:
    assert parse.epsilon(f"{levels}/255") == parse.epsilon(str(levels)) == levels


@given(st.integers(max_value=-1) | st.integers(256) | st.floats() | st.sampled_from(BAD_BUDGETS))
def test_any_other_budget_is_refused(value: object) -> None:
    with pytest.raises(UserError) as error:
        parse.epsilon(str(value))
    assert str(error.value).startswith(f"epsilon: {str(value)!r}; allowed: N/255 or N")


@given(st.dictionaries(words, scalars, max_size=5))
def test_options_come_back_with_their_values_and_types(options: dict[str, object]) -> None:
    parsed = parse.options([f"{key}={value}" for key, value in options.items()])
    assert parsed == options
    assert {k: type(v) for k, v in parsed.items()} == {k: type(v) for k, v in options.items()}


@pytest.mark.parametrize(
    ("typed", "value"),
    [("1e-3", 0.001), ("5E2", 500.0), ("-3", -3), ("true", True), ("False", False), ("a=b", "a=b"), ("'8'", "8")],
)
def test_numbers_are_read_as_people_write_them(typed: str, value: object) -> None:
    (parsed,) = parse.options([f"key={typed}"]).values()
    assert (parsed, type(parsed)) == (value, type(value))


NO_SCALARS = ["", "~", "[1, 2]", "{a: 1}", "2026-05-01", "[1", "@y", "!!python/x", "=", "nan", ".inf", "1e999"]


@pytest.mark.parametrize("pair", ["rounds", *(f"rounds={value}" for value in NO_SCALARS)])
def test_an_option_that_is_no_scalar_is_refused(pair: str) -> None:
    with pytest.raises(UserError) as error:
        parse.options(["tau=0.1", pair])
    assert str(error.value).startswith(f"option: {pair!r}; allowed: key=value")


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=6, unique=True), st.sampled_from([",", ", ", " ,"]))
def test_several_seeds_keep_their_order(seeds: list[int], comma: str) -> None:
    assert parse.seeds(7, comma.join(map(str, seeds))) == seeds
    assert parse.seeds(7, None) == [7]


@pytest.mark.parametrize("several", ["", ",", "0,", "0;1", "0,-1", "1.5", "0..3", "0,²", "0,0", "1, 1"])
def test_seeds_that_are_no_list_of_whole_numbers_are_refused(several: str) -> None:
    with pytest.raises(UserError) as error:
        parse.seeds(0, several)
    assert str(error.value).startswith(f"seeds: {several!r}; allowed: different whole numbers")


def test_every_field_reaches_the_request() -> None:
    spec_fields = parse.spec(**GOOD).model_dump()
    assert spec_fields.pop("defense") == {"name": "em", "options": {"rounds": 1}}
    assert spec_fields.pop("attack") == {"name": "lora_sft", "options": {"lr": 0.01}}
    assert spec_fields.pop("budget") == {"epsilon": 4, "words": 2}
    assert spec_fields.pop("surrogates") == ()
    assert spec_fields == {key: GOOD[key] for key in ("dataset", "victim", "threat", "seed")}


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"seed": 2**31}, ["seed: 2147483648", "less than 2147483648"]),
        ({"epsilon": 256}, ["epsilon: 256", "less than or equal to 255"]),
        ({"words": 65}, ["words: 65", "less than or equal to 64"]),
        ({"victim": "zebra"}, ["victim: 'zebra' is not known; allowed: tiny-llava-a"]),
        ({"victim": "tiny-qwen3vl", "threat": "gray"}, ["threat: 'gray'", "tiny-qwen3vl", "white, black"]),
        ({"options": {"rounds": 101}}, ["defense em, option rounds=101", "less than or equal to 100", "step_size"]),
        ({"attack_options": {"targets": "head"}}, ["attack lora_sft, option targets='head'", "'projector' or 'all'"]),
        ({"attack_options": {"lr": 0}}, ["attack lora_sft, option lr=0", "greater than 0", "epochs"]),
        ({"defense": "none", "options": {"rounds": 1}}, ["defense none, option rounds=1", "options: none"]),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_what_is_allowed(
    changes: dict[str, object], parts: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        parse.spec(**GOOD | changes)
    for part in parts:
        assert part in str(error.value)


def test_a_victim_may_be_embedded_or_a_folder_in_any_precision_and_on_the_hub_where_it_may_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(embedded_folder("tiny-llava-b"), tmp_path / "copy")
    for victim in ("tiny-llava-b", str(copy), f"{copy}@bf16", "tiny-qwen3vl@4bit"):
        assert parse.spec(**GOOD | {"victim": victim}).victim == victim
    with pytest.raises(UserError, match=r"HF_HUB_OFFLINE.*download llava-hf/other"):
        parse.spec(**GOOD | {"victim": "llava-hf/other"})
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert parse.spec(**GOOD | {"victim": "llava-hf/other"}).victim == "llava-hf/other"


def test_surrogates_may_be_named_within_the_threat_model() -> None:
    spec_fields = parse.spec(**GOOD | {"threat": "black", "surrogates": "tiny-qwen3vl, tiny-qwen3vl@bf16"})
    assert spec_fields.surrogates == ("tiny-qwen3vl", "tiny-qwen3vl@bf16")
    assert parse.spec(**GOOD | {"surrogates": None}).surrogates == ()
    with pytest.raises(UserError, match="surrogates: 'tiny-llava-a' is the victim"):
        parse.spec(**GOOD | {"threat": "black", "surrogates": "tiny-llava-a"})
