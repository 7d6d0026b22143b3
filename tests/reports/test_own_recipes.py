"""The table of own recipes: each is one that the search may try, and stands beside the default of its method."""

import pandas as pd
import pytest

from bench.tables.game import split_games
from reports import own_recipes
from reports.headline import load_rows
from reports.own_recipes import OwnRecipe, OwnRecipes
from studies.recipes import CAP, GRIDS, loop_options, within_cap

RECIPES = own_recipes.load()
FOUND = RECIPES.methods


@pytest.fixture(scope="module")
def played() -> pd.DataFrame:
    """The published rows of the game that was played most."""
    return max((rows for _, rows in split_games(load_rows())), key=len)


@pytest.mark.parametrize("name", FOUND)
def test_a_recipe_is_one_that_its_search_may_try(name: str) -> None:
    found = FOUND[name]
    assert within_cap(name, found.options) and CAP == 64
    assert all(value in GRIDS[name][option] for option, value in found.options.items())
    assert found.own < found.default if found.options else found.own == found.default
    choices = sum(len(values) for values in GRIDS[name].values())
    assert 1 < found.trials <= 1 + choices


def cells(table: str) -> list[dict[str, str]]:
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_a_method_has_its_default_and_its_own_recipe_with_their_costs(
    played: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = {"rounds": 5}
    found = {"em": OwnRecipe(attack="lora_sft", options=longer, default=0.5, own=0.25, trials=2)}
    monkeypatch.setattr(own_recipes, "load", lambda: OwnRecipes(methods=found, taken_over={}))
    played = played[played["defense_label"].isin(["em", "em (eot=jpeg,crop,color)"])]
    played = played.assign(defense_options=[longer if options else {} for options in played["defense_options"]])
    default, own = cells(own_recipes.tabulate(played))
    assert (default["recipe"], own["recipe"]) == ("default", "rounds=5")
    assert (default["right in the search"], own["right in the search"]) == ("50.0%", "25.0%")
    o = loop_options("em", longer)
    assert own["pixel steps"] == str(o.rounds * o.image_steps)
    assert own["surrogate steps"] == str(o.rounds * o.inner_steps)
    runs = played[(played["defense"] == "em") & (played["seed"] == 0)]
    for row, options in ((default, {}), (own, longer)):
        same = runs[[given == options for given in runs["defense_options"]]]
        (plain,) = same.loc[same["attack_text"] == "lora_sft", "protection"]
        assert row["runs default LoRA"].startswith(f"{plain:+.2f} [")
        assert float(row["seconds"]) == pytest.approx(same["seconds_protect"].mean(), abs=0.5)


def test_a_recipe_that_was_not_played_has_no_row(played: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"hypo": OwnRecipe(attack="lora_sft", options={"image_steps": 13}, default=0.5, own=0.25, trials=2)}
    monkeypatch.setattr(own_recipes, "load", lambda: OwnRecipes(methods=found, taken_over={}))
    (default,) = cells(own_recipes.tabulate(played))
    assert default["recipe"] == "default"


@pytest.mark.parametrize("name", RECIPES.taken_over)
def test_a_variant_takes_over_what_it_can_of_the_recipe_of_mmguard(name: str) -> None:
    own = FOUND["mmguard"].options
    taken = RECIPES.taken_over[name]
    assert within_cap(name, taken)
    assert taken == {option: value for option, value in own.items() if option in GRIDS[name]}


def test_a_searched_method_has_what_it_took_over_after_its_own() -> None:
    found = OwnRecipe(attack="lora_sft", options={"rounds": 7}, default=0.5, own=0.25, trials=2)
    recipes = OwnRecipes(methods={"em": found}, taken_over={"em": {"rounds": 5}, "sem": {"rounds": 5}}).recipes
    assert list(recipes) == [
        ("em", {}, 0.5), ("em", {"rounds": 7}, 0.25), ("em", {"rounds": 5}, None),
        ("sem", {}, None), ("sem", {"rounds": 5}, None),
    ]  # fmt: skip


def test_a_recipe_without_a_search_has_nothing_of_one(played: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = OwnRecipes(methods={}, taken_over={"feature_shift": {"image_steps": 64}})
    monkeypatch.setattr(own_recipes, "load", lambda: taken)
    default, longer = cells(own_recipes.tabulate(played))
    assert (default["recipe"], longer["recipe"]) == ("default", "image_steps=64")
    assert default["right in the search"] == longer["right in the search"] == ""
    assert default["runs default LoRA"] and longer["runs default LoRA"]
