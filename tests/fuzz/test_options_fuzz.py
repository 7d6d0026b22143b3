"""Any text is an attack, an option's value, or one printable line; and an attack's text form names it again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.grammar import format_attack, load_recipes, parse_attack, parse_option
from attacks.required import expand_set
from bench.errors import UserError
from tests.fuzz.mutations import check_line, damaged

WHOLES = [
    text.encode() for text in [*expand_set("best"), *load_recipes(), "lora_sft(rank=8, lr=1e-3)+jpeg(quality=30)+gray"]
]
PIECES = [
    b"(",
    b")",
    b"=",
    b",",
    b"+",
    b" ",
    b"a=1",
    b"010",
    b".nan",
    b"yes",
    b"'",
    b'"',
    b"[",
    b"\n",
    b"\0",
    "\u202e".encode(),
    b"9" * 5000,
]
TEXTS = damaged(WHOLES, PIECES).map(lambda content: content.decode(errors="replace")) | st.text(max_size=60)


@given(TEXTS)
def test_any_text_is_an_attack_or_one_line(text: str) -> None:
    try:
        method = parse_attack(text)
    except UserError as error:
        check_line(error)
        return
    assert all(isinstance(value, bool | int | float | str) for value in method.options.values())
    if not any(isinstance(value, str) for value in method.options.values()) and method.name not in load_recipes():
        assert parse_attack(format_attack(method)) == method


@given(TEXTS)
def test_any_text_is_an_option_or_one_line(text: str) -> None:
    try:
        key, value = parse_option(text)
    except UserError as error:
        check_line(error)
        return
    assert text.startswith(key) and isinstance(value, bool | int | float | str)


@pytest.mark.parametrize("value", [True, False, 0, -3, 10**30, 0.5, 1e-9, 1e300])
def test_a_number_is_read_as_it_is_written(value: float) -> None:
    read = parse_option(f"x={value}")[1]
    assert (read, type(read)) == (value, type(value))
