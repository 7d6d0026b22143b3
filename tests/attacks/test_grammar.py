"""The text form of an attack names tuner, parts and options in order; any other text is refused with a clear error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks import REGISTRY
from attacks.grammar import RECIPES, format_attack, load_recipes, parse_attack, parse_option
from attacks.required import expand_set
from bench.errors import UserError
from bench.spec import Method

words = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
scalars = st.one_of(st.booleans(), st.integers(-999, 999), st.floats(-9, 9).map(lambda x: round(x, 3)), words)
pieces = st.lists(
    st.tuples(words, st.dictionaries(words, scalars, max_size=3)), min_size=1, max_size=4, unique_by=lambda p: p[0]
)


def format_value(v: object) -> str:
    """Return an option value as it is typed in a command."""
    return str(v).lower() if isinstance(v, bool) else str(v)


@given(pieces, st.sampled_from(["", " "]))
def test_parsing_returns_names_and_options(parts: list[tuple[str, dict[str, object]]], space: str) -> None:
    def inside(o: dict[str, object]) -> str:
        return f"({f',{space}'.join(f'{k}{space}={space}{format_value(v)}' for k, v in o.items())})" if o else ""

    text = f"{space}+{space}".join(name + inside(options) for name, options in parts)
    if text in load_recipes():
        return
    parsed = parse_attack(text)
    assert parsed.name == "+".join(name for name, _ in parts)
    expected: dict[str, object] = {}
    for place, (name, options) in enumerate(parts):
        # "nan", "on" and the like are read as YAML reads them, here as there.
        expected |= {
            f"{name}." * (place > 0) + key: parse_option(f"{key}={format_value(v)}")[1] for key, v in options.items()
        }
    assert parsed.options == expected


@given(pieces)
def test_a_formatted_attack_is_parsed_back(parts: list[tuple[str, dict[str, object]]]) -> None:
    options = {f"{name}." * (place > 0) + key: v for place, (name, own) in enumerate(parts) for key, v in own.items()}
    method = Method(name="+".join(name for name, _ in parts), options=options)
    parsed = parse_attack(format_attack(method))
    if method.name in load_recipes():
        return
    assert parsed.name == method.name
    assert parsed.options == {key: parse_option(f"{key}={format_value(v)}")[1] for key, v in options.items()}


def test_the_standard_set_is_in_the_text_form() -> None:
    assert [format_attack(parse_attack(text)) for text in expand_set("best")] == list(expand_set("best"))


def test_parts_and_their_options() -> None:
    parsed = parse_attack("lora_sft(rank=8, lr=1e-3)+jpeg(quality=30)+gray")
    options = {"rank": 8, "lr": 1e-3, "jpeg.quality": 30}
    assert parsed == Method(name="lora_sft+jpeg+gray", options=options)


@pytest.mark.parametrize(
    "text",
    ["", "+", "lora_sft+", "lora_sft++gray", "lora_sft(", "lora_sft)", "lora_sft(rank)", "Lora", "lora_sft(a=(1))",
     "lora_sft gray", "lora_sft(rank=8)gray", "../x", "lora_sft+jpeg(quality=30"],
)  # fmt: skip
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"allowed: tuner\(option=value\)\+part"):
        parse_attack(text)


@pytest.mark.parametrize("text", ["lora_sft(rank=8,rank=8)", "lora_sft+jpeg(quality=30, quality=40)"])
def test_an_option_that_is_named_twice_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"names (rank|quality) twice; allowed: each option of a term once"):
        parse_attack(text)


@pytest.mark.parametrize("pair", ["x=.inf", "x=.nan", "x=[1]", "x={a: 1}", "x=", "x"])
def test_an_option_is_a_finite_scalar(pair: str) -> None:
    with pytest.raises(UserError, match="allowed: key=value with a finite number"):
        parse_option(pair)


@pytest.mark.parametrize("name", sorted(load_recipes()))
def test_every_recipe_is_an_attack_that_can_be_built(name: str) -> None:
    method = parse_attack(name)
    assert name not in REGISTRY.catalog
    assert REGISTRY.build(method).settings.keys() >= method.options.keys()


def test_recipes_are_found() -> None:
    assert {file.stem for file in RECIPES.iterdir()} == set(load_recipes()) and "iss" in load_recipes()
