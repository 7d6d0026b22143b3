"""The page of cards says what the code says, and every defense has a card."""

import re
from pathlib import Path

import pytest

from bench.spec import Method
from bench.victims.recipes import RECIPES
from defenses import REGISTRY
from defenses.base import Defense
from reports import cards
from reports.cards import card_of, render_page


@pytest.fixture(scope="module")
def page() -> str:
    """The page."""
    return render_page()


def section(page: str, name: str) -> str:
    """Return the section of a defense."""
    return page.split(f"## `{name}`\n")[1].split("\n## ")[0].split("\n# ")[0]


@pytest.mark.parametrize("name", sorted(REGISTRY.catalog))
def test_every_defense_has_a_whole_card(name: str, page: str) -> None:
    defense = REGISTRY.build(Method(name=name))
    card = card_of(defense)
    for field, text in card._asdict().items():
        assert text and text == text.strip(), f"{name}.card.{field}: {text!r}; allowed: a text"
        assert f"- {field}: {text}\n" in section(page, name)
    allowed = {"pictures", "questions", "answers", "nothing"}
    touched = {part.split(",")[0].strip() for part in card.touches.split(";")}
    assert touched <= allowed, (
        f"{name}.card.touches: {card.touches!r}; allowed: parts that begin with {sorted(allowed)}"
    )


@pytest.mark.parametrize("name", sorted(REGISTRY.catalog))
def test_a_card_names_a_surrogate_if_the_release_depends_on_it(name: str) -> None:
    defense = REGISTRY.build(Method(name=name))
    named = "surrogate" in card_of(defense).needs
    assert named == ("surrogates" in defense.depends), (
        f"{name}: the card needs {card_of(defense).needs!r}, but depends = {sorted(defense.depends)}"
    )


@pytest.mark.parametrize("name", sorted(REGISTRY.catalog))
def test_a_section_lists_every_option_that_is_not_the_loops_own(name: str, page: str) -> None:
    options = REGISTRY.get(name).Options()
    loop = cards.PixelOptions().model_dump()
    listed = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", section(page, name), re.MULTILINE))
    dumped = options.model_dump()
    assert listed == {key: repr(value) for key, value in dumped.items() if key not in loop or loop[key] != value}
    assert f"`{REGISTRY.catalog[name].module.replace('.', '/')}.py`" in section(page, name)


def test_a_class_without_a_card_is_named() -> None:
    class Bare(Defense):
        """No card."""

        def protect(self, *_: object) -> None:  # type: ignore[override]
            """Do nothing."""

    with pytest.raises(TypeError, match=r"Bare\.card: None; allowed: .*Card\(paper, needs, touches"):
        card_of(Bare(Bare.Options()))


def test_controls_stand_apart(page: str) -> None:
    methods, controls = page.split("\n## Controls\n")
    assert {"none", "random_noise", "random_noise_class", "random_trigger", "wrong_answers"} <= REGISTRY.controls
    for name in REGISTRY.catalog:
        assert (f"## `{name}`" in controls) == (name in REGISTRY.controls) != (f"## `{name}`" in methods)


def test_an_option_of_the_loop_stands_once_unless_it_differs(page: str) -> None:
    loop = page.split("\n## ")[0]
    assert "| `weights` |" in loop and "| `rounds` | `3` |" in loop
    assert "| `rounds` | `1` |" in section(page, "hypo") and "`weights`" not in section(page, "hypo")


def test_cards_of_mmguard_say_truly_what_is_inside_the_papers_grids(page: str) -> None:
    grids = {"rounds": (1, 3, 5, 7), "inner_steps": range(6), "image_steps": range(9), "candidates": range(8, 513)}
    for name in ("mmguard", "mmguard_crs", "mmguard_bph_max", "mmguard_crs_max", "multimodal"):
        options = REGISTRY.get(name).Options().model_dump()
        assert all(options[field] in grid for field, grid in grids.items())
        assert options["inner_lr"] is None and RECIPES[0].lora_lr > 1e-4
        text = section(page, name)
        for claim in (
            f"{options['rounds']} rounds (paper: 1, 3, 5 or 7)",
            f"{options['image_steps']} pixel steps (0 to 8)",
            f"{options['candidates']} words verified for each slot (8 to 512)",
            f"{options['inner_steps']} surrogate steps (0 to 5)",
            f"Outside: the surrogate learns at lora_sft's rate, {RECIPES[0].lora_lr} for a tiny one (0.0001 or less)",
        ):
            assert claim in text


def test_cards_name_the_steps_that_are_played(page: str) -> None:
    for name, text in {"em": "{rounds} x {image_steps} steps", "sem": "{rounds} x {image_steps} steps"}.items():
        assert text.format(**REGISTRY.get(name).Options().model_dump()) in section(page, name)
    for name in ("hypo", "uc", "feature_shift", "tap"):
        assert f"{REGISTRY.get(name).Options().model_dump()['image_steps']} steps of one level" in section(page, name)


def test_the_module_writes_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, page: str) -> None:
    assert cards.PAGE.parts[-2:] == ("docs", "defenses.md")
    monkeypatch.setattr(cards, "PAGE", tmp_path / "defenses.md")
    cards.write_page()
    assert (tmp_path / "defenses.md").read_text(encoding="utf-8") == page
