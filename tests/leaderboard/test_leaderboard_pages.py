"""Every page, run headless: nothing is raised, nothing shown by accident, and text of strangers stays text."""

import ast
from pathlib import Path

import pytest

import leaderboard
from bench.results import save
from bench.spec import PROTOCOL
from tests.leaderboard.pages import HOSTILE, Factory, Open, bodies, charts, texts

FOLDER = Path(leaderboard.__file__).parent
VIEWS = sorted(file for file in (FOLDER / "views").glob("*.py") if file.stem != "__init__")
PAGES = ["overview", "ranking", "matrix", "compare", "pareto", "cost", "defense", "attack", "run", "samples"]


@pytest.mark.parametrize("page", PAGES)
def test_empty_store_says_how_to_begin(bench_home: Path, open_page: Open, page: str) -> None:
    app = open_page(page)
    assert "No results yet" in app.info[0].value
    assert app.code[0].value == "bench run --defense mmguard --attack lora_sft"


def test_a_game_with_stale_runs_only(bench_home: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(1, protocol=PROTOCOL - 1))
    for page, message in (("ranking", "No defense with comparable runs"), ("matrix", "No comparable runs")):
        assert message in open_page(page).info[0].value


def test_nothing_is_shown_by_accident(home: Path, open_page: Open) -> None:
    assert [text.value[:17] for text in open_page().markdown] == ["If this image-tex", "- **Protection**:"]
    assert not open_page("matrix").markdown
    assert not open_page("defense").markdown


@pytest.mark.parametrize("page", ["app", *(f"views/{file.stem}" for file in VIEWS)])
def test_no_docstring_of_a_page_is_shown_on_it(page: str) -> None:
    """Streamlit writes every expression of a page's file that stands alone, but for the first."""
    body = ast.parse((FOLDER / f"{page}.py").read_text()).body
    assert not [node for node in body[1:] if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]


@pytest.mark.parametrize("page", PAGES)
def test_hostile_text_is_shown_as_text(bench_home: Path, open_page: Open, run_factory: Factory, page: str) -> None:
    names = ["defense", "attack", "dataset", "victim", "threat", "command"]
    options = {"defense_options": {HOSTILE: HOSTILE}, "provenance": {HOSTILE: HOSTILE}, "stages": {HOSTILE: HOSTILE}}
    save(
        run_factory(1, **dict.fromkeys(names, HOSTILE), **options, stealth={"linf": HOSTILE}, cost={HOSTILE: {"s": 1}})
    )
    app = open_page(page)
    assert "alert" not in texts(app) + bodies(app)
    assert all(not element.allow_html for element in app.markdown)
    assert any("alert" in option for box in app.selectbox for option in box.options)


def test_published_numbers_stand_apart(home: Path, open_page: Open) -> None:
    app = open_page("paper")
    assert app.title[0].value == "Published, not re-run"
    assert "2605.14291" in app.markdown[0].value
    assert "never ranked" in app.markdown[0].value
    means, cells = (frame.value for frame in app.dataframe)
    bph = means.set_index("Method").loc["BPH"]
    assert bph["Mean drop"] == pytest.approx(5.0, abs=0.05)
    assert bph["Share of gain removed"] == pytest.approx(0.21, abs=0.005)
    assert (bph["Drop over detectable, unpaired"], bph["Drop over detectable, at best"]) == ("0 of 30", "24 of 30")
    one = cells.set_index(["Data set", "Model", "Method"]).loc[("TextVQA", "Llama", "BPH")]
    assert one[["Zero-shot", "Clean", "Protected", "Drop"]].tolist() == pytest.approx([14.5, 82.0, 76.0, 6.0])
    assert one["Test items (inferred)"] == 200
    assert cells["Protection"].isna().sum() == 14 * 7, "gains under 10 points"
    assert "inferred" in app.caption[0].value
    assert len(charts(app)) == 1


def test_published_numbers_need_no_results_and_are_in_no_ranking(bench_home: Path, open_page: Open) -> None:
    assert len(open_page("paper").dataframe) == 2
    assert "No results yet" in open_page().info[0].value
