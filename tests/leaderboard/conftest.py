"""The pages of the app, opened without a browser."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import leaderboard
from bench.results import Run, save
from bench.tables import ranks
from leaderboard import latest
from tests.answer_files import Answers
from tests.synthetic_home import home, nothing_shipped, run_factory

__all__ = ["enter", "home", "nothing_shipped", "open_page", "run_factory"]

APP = Path(leaderboard.__file__).with_name("app.py")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No results or pictures remembered from another test, and on a busy machine none from before a run was saved."""
    st.cache_data.clear()
    st.cache_resource.clear()
    monkeypatch.setattr(latest, "_readings", {})
    monkeypatch.setattr(latest, "PATIENCE", 60.0)


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Opens a page of the app, with query parameters, and sees to it that nothing was raised."""

    def opened(page: str = "ranking", **query: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        if page == "paper":
            app.run()  # before, the app does not know that this page has an address of its own
        if page != "overview":
            app.switch_page(f"views/{page}.py")
        app.query_params.update(query)
        app.run()
        assert not app.exception
        return app

    return opened


@pytest.fixture
def enter(bench_home: Path, run_factory: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Save the runs of a defense that leaves every attack so much; the required set is two attacks and one more."""
    sets = {"plain": ("lora_sft",), "adaptive": ("lora_sft", "full_sft")}
    queries = (*sets["adaptive"], "lora_sft+bridge")
    more = {"queries": queries, "clean": (*queries, "lora_sft+mix_clean")}
    monkeypatch.setattr(ranks, "required_attacks", lambda: {**sets, **more})
    answers, numbers = Answers(bench_home), iter(range(200, 10_000))

    def saved(
        defense: str, release: float, seeds: Iterable[int] = range(3), attacks: Iterable[str] = sets["adaptive"],
        **changes: Any,
    ) -> None:  # fmt: skip
        for seed in seeds:
            for attack in attacks:
                columns = answers.columns(release=release)
                row = {"defense": defense, "attack": attack, "seed": seed, **columns, **changes}
                save(run_factory(next(numbers), protection=1 - release / 0.8, **row))

    return saved
