"""Runs on own data are hidden on every page, also from an address that names them, unless they are asked for."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from bench.results import Run, save
from leaderboard import sources
from tests.leaderboard.pages import Factory, Open

PAGES = ["overview", "ranking", "matrix", "cost", "run", "samples"]
PETS = "own:pets@0123456789abcdef"
SECRET = f"{70:016x}"


def everything(app: AppTest) -> str:
    """All that a page shows: its elements, the options of its choices, its tables."""
    kinds = ["markdown", "caption", "info", "warning", "error", "title", "code", "text", "html", "vega_lite_chart"]
    texts = [str(element.proto) for kind in kinds for element in app.get(kind)]
    options = [str(box.options) for box in (*app.selectbox, *app.radio)]
    return "\n".join([*texts, *options, *(table.value.to_csv() for table in app.dataframe)])


@pytest.fixture
def pets(home: Path, run_factory: Factory) -> Run:
    """A newest run on own data, whose artefacts are those of the synthetic home."""
    run = run_factory(70, dataset=PETS, defense="em_class", command=f"bench run --dataset {PETS}")
    save(run)
    return run


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("query", [{}, {"run": SECRET}, {"dataset": PETS}, {"dataset": PETS, "run": SECRET}])
def test_own_data_are_hidden(pets: Run, open_page: Open, page: str, query: dict[str, str]) -> None:
    app = open_page(page, **query)
    shown = everything(app).replace(f"`{PETS}`", "").replace(f"`{SECRET}`", "")
    assert not any(secret in shown for secret in ("pets", SECRET, "em_class"))
    captions = [caption.value for caption in app.sidebar.caption]
    assert "Hidden: 1 runs on own data. `bench leaderboard --own NAME` shows them." in captions


@pytest.mark.parametrize("named", [PETS, "pets", "own:pets", f"other,{PETS}"])
@pytest.mark.parametrize("page", ["ranking", "run"])
def test_own_data_that_are_asked_for_are_shown(
    pets: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch, page: str, named: str
) -> None:
    monkeypatch.setenv(sources.SHOW_OWN, named)
    app = open_page(page, **({"run": SECRET} if page == "run" else {"dataset": PETS}))
    assert PETS in everything(app)
    assert not any(caption.value.startswith("Hidden") for caption in app.sidebar.caption)


def test_side_effects_on_own_data_are_hidden_too(home: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(71, effects={PETS: {}}, defense="em_class"))
    assert "em_class" not in everything(open_page())


def test_a_home_with_own_data_alone(bench_home: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(70, dataset=PETS))
    app = open_page()
    assert "No results yet" in app.info[0].value
    assert "pets" not in everything(app)
