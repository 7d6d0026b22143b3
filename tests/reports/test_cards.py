"""The page of cards is what the code says, and every defense has a card."""

from pathlib import Path

import pytest

from bench.spec import Method
from defenses import REGISTRY
from reports.cards import FIELDS, page

PAGE = Path(__file__).parents[2] / "docs" / "defenses.md"


def test_the_committed_page_is_the_codes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m reports.cards > docs/defenses.md"


@pytest.mark.parametrize("name", sorted(REGISTRY.catalog))
def test_every_defense_says_what_it_is(name: str) -> None:
    defense = REGISTRY.build(Method(name=name))
    card = type(defense).card
    assert card._fields == FIELDS
    assert all(text and text == text.strip() for text in card)
    section = page().split(f"## `{name}`\n")[1].split("\n## ")[0]
    assert all(text in section for text in card)
    assert ("surrogate" in card.needs or "tokenizer" in card.needs) == ("surrogates" in defense.depends)


def test_controls_stand_apart() -> None:
    methods, controls = page().split("# Controls\n")
    assert REGISTRY.controls == {"none", "random_noise", "random_noise_class", "random_trigger", "wrong_answers"}
    for name in REGISTRY.catalog:
        assert (f"## `{name}`" in controls) == (name in REGISTRY.controls) != (f"## `{name}`" in methods)


def test_an_option_of_the_loop_stands_once_unless_it_differs() -> None:
    assert page().count("| `weights` |") == 1
    assert page().count("| `rounds` | `2` |") == 1
    assert "| `rounds` | `1` |" in page().split("## `hypo`")[1].split("## ")[0]
