"""The pages about victims, data sets, the method and submissions, and the files that tables become."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest
from starlette.testclient import TestClient

from bench.results import Run, save
from bench.tables.example import compute_example
from leaderboard import downloads, server, validator
from tests.leaderboard.pages import HOSTILE, Open

PAGES = ["victims", "datasets", "method", "submit"]
VALID = (
    "version: 2\nkind: configured\ntitle: My entry\nauthors: [Me]\nlicence: MIT\n"
    "defense: {name: em, options: {rounds: 2}}\n"
)


@pytest.fixture(params=["empty", "runs", "hostile"])
def any_home(request: pytest.FixtureRequest, bench_home: Path, run_factory: Callable[..., Run]) -> str:
    if request.param != "empty":
        names = dict.fromkeys(("victim", "dataset", "defense", "attack"), HOSTILE) if request.param == "hostile" else {}
        save(run_factory(1, **names))
    return str(request.param)


@pytest.mark.parametrize("page", PAGES)
def test_pages_open_on_any_home(any_home: str, open_page: Open, page: str) -> None:
    app = open_page(page)
    prose = "".join(str(each.value) for kind in (app.markdown, app.caption, app.info) for each in kind)
    assert "alert" not in prose
    assert not app.get("html")
    if any_home == "hostile" and page in ("victims", "datasets"):
        assert app.dataframe[0].value.iloc[-1, 0] == HOSTILE


def test_victims_and_data_sets_have_their_cards_and_what_was_measured(home: Path, open_page: Open) -> None:
    victims = open_page("victims").dataframe
    table = victims[0].value.set_index("Victim")
    assert table.loc["tiny-llava-a", "Runs"] == 11
    assert 0 < table.loc["tiny-llava-a", "Exam: names"] < 1 < table.loc["tiny-llava-a", "Parameters (M)"]
    worth = victims[1].value
    assert worth[["Victim", "Clean data", "Gain"]].values.tolist() == [["tiny-llava-a", 0.71, pytest.approx(0.7)]]
    table = open_page("datasets").dataframe[0].value.set_index("Data set")
    assert (table.loc["emoji_catalog", "Runs"], table.loc["emoji_catalog", "Licence"]) == (11, "MIT")
    assert table.loc["docvqa", "Runs"] == 0


def test_the_example_is_computed(bench_home: Path, open_page: Open) -> None:
    app, example = open_page("method"), compute_example()
    assert example.score.protection is not None
    value, low, high = example.score.protection
    formulas = [each.value for each in app.get("latex")] or [m.value for m in app.markdown if "frac" in str(m.value)]
    assert f"= {value:.2f}" in formulas[-1] and f"[{low:.2f}" in formulas[-1] and f"{high:.2f}]" in formulas[-1]
    answers = app.dataframe[1].value
    assert [answers[name].mean() for name in answers] == [example.accuracy[name] for name in example.accuracy]


def test_tables_are_offered_as_files(home: Path, open_page: Open) -> None:
    names = [button.label for button in open_page("victims").get("download_button")]
    assert names == ["CSV", "Parquet", "LaTeX", "BibTeX"] * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("version: 2", "version: 9"), "version: '9'; allowed: 2, and 1 for older files"),
        (lambda text: text.replace("kind: configured", "kind: nonsense"), "submission.yaml, line 2: kind: 'nonsense'"),
        (lambda text: text + "more: 1\n", "submission.yaml, line"),
        (lambda text: text.replace("Me]", "&a Me]"), "an anchor or alias"),
        (lambda text: "", "nothing in it"),
        (lambda text: "\x00", "control characters"),
        (lambda text: "x" * 100_000, "100000 bytes; allowed: 65536"),
        (lambda text: "[" * 50_000, "too deep"),
    ],
)
def test_a_wrong_submission_is_told_with_its_place(change: Callable[[str], str], message: str) -> None:
    checked = validator.validate(change(VALID).encode())
    assert (checked.is_valid, message in checked.message) == (False, True), checked.message
    assert "/tmp" not in checked.message


def test_options_are_checked_by_the_command(bench_home: Path) -> None:
    checked = validator.validate(VALID.replace("rounds: 2", "rounds: -2").encode())
    assert not checked.is_valid
    assert "submission.yaml, line 6: defense.options" in checked.message and "rounds" in checked.message
    assert not list(bench_home.glob("*.yaml"))


def test_code_is_never_run(tmp_path: Path) -> None:
    text = f"version: 2\nkind: code\ntitle: My entry\nauthors: [Me]\nlicence: MIT\nfile: x.py\nsha256: '{'0' * 64}'\n"
    checked = validator.validate(text.encode())
    assert (checked.is_valid, checked.note) == (True, validator.FILES)


def test_an_upload_is_told_its_fault(bench_home: Path, open_page: Open) -> None:
    app = open_page("submit")
    app.get("file_uploader")[0].set_value(("x.yaml", b"version: 9 # `<b>`", "text/yaml")).run()
    assert not app.exception
    assert "version: '9'; allowed: 2" in app.error[0].value


@pytest.mark.parametrize(
    ("length", "status"),
    [("10", "served"), (str(server.MAX_UPLOAD), "served"), (str(server.MAX_UPLOAD + 1), 404), ("x", 404)],
)
def test_an_upload_has_to_be_small(length: str, status: Any) -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"served"})

    client = TestClient(server.Locks(inner))
    address = "/_stcore/upload_file/a/b"
    answer = client.put(address, headers={"content-length": length})
    assert (answer.text if status == "served" else answer.status_code) == status
    assert client.put(address, content=iter([b"x"])).status_code == 404, "its length is unknown"


def test_no_page_shows_a_text_by_accident() -> None:
    """Streamlit shows a bare text of a page's file, as a docstring after a value is; that is switched off."""
    config = (Path(server.__file__).parent / ".streamlit" / "config.toml").read_text()
    assert "magicEnabled = false" in config


def test_a_chart_is_offered_as_svg_and_drawn_without_the_network(home: Path, open_page: Open) -> None:
    labels = [button.label for button in open_page("paper").get("download_button")]
    assert labels == ["CSV", "Parquet", "LaTeX", "SVG", "BibTeX"]
    chart = alt.Chart(pd.DataFrame({"step": [1, 2], "loss": [2.0, 1.0]})).mark_line().encode(x="step:Q", y="loss:Q")
    assert downloads._draw_svg(lambda: chart).startswith(b"<svg")
