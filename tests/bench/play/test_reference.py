"""What the clean reference is trained with: the plain recipe, or the same search that the protected release meets."""

from typing import Any

import pytest

from attacks import REGISTRY
from bench.methods.registry import Entry
from bench.play.roles import PLAIN, clean_recipe
from bench.play.run import play_run
from bench.spec import Method, RunSpec

HIDE = Method(name="hide")


@pytest.fixture
def search(game: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The game, with an attack that tunes: it learns half of what `lora_sft` does."""

    class Search(REGISTRY.get("lora_sft")):  # type: ignore[misc]
        tunes = True

        def tune(self, victim: Any, released: Any, *rest: Any) -> list[dict[str, Any]]:
            return super().tune(victim, released[: len(released) // 2], *rest)

    monkeypatch.setattr(Search, "name", "search")
    monkeypatch.setitem(REGISTRY.catalog, "search", Entry("bench.spec", "a toy"))
    monkeypatch.setitem(REGISTRY._methods, "search", Search)
    return game


def test_a_search_is_compared_with_the_same_search_on_clean_data(search: Any) -> None:
    plain, searched = (play_run(RunSpec(defense=HIDE, attack=Method(name=name))) for name in ("lora_sft", "search"))
    assert search.computed.count("lora_sft") == search.computed.count("search") == 2
    assert (plain.utility_clean, searched.utility_clean) == (0.8, 0.4)
    assert plain.utility_zero == searched.utility_zero == 0.1
    assert (plain.utility, searched.utility) == (0.4, 0.4)
    assert searched.protection == 0.0, "the half that a search learns is not hidden"


def test_a_search_on_clean_data_is_its_own_reference(search: Any) -> None:
    row = play_run(RunSpec(defense=Method(name="none"), attack=Method(name="search")))
    assert search.computed.count("search") == 1
    assert (row.protection, row.utility) == (0.0, row.utility_clean)


@pytest.mark.parametrize(
    ("attack", "trained_with"),
    [
        (Method(name="none"), PLAIN),
        (Method(name="lora_sft"), PLAIN),
        (Method(name="lora_sft", options={"epochs": 2}), PLAIN),
        (Method(name="tuned"), Method(name="tuned")),
        (Method(name="tuned", options={"trials": 3}), Method(name="tuned", options={"trials": 3})),
    ],
)
def test_the_budget_of_the_reference_is_that_of_the_attack(attack: Method, trained_with: Method) -> None:
    assert clean_recipe(attack) == trained_with
