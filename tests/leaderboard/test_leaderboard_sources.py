"""The app opens with what is published, or with this machine's runs, and never mixes them."""

import gc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.results import checked, export, published
from bench.results.rows import Run, load, save
from bench.store import artifacts
from bench.tables import ranks
from bench.tables.cells import compute_cells
from bench.tables.ranks import compute_leaderboard
from bench.tables.runs import load_runs, select_comparable, tabulate_runs
from leaderboard import sources
from tests.leaderboard.pages import Factory, Open

PAGES = ["overview", "ranking", "matrix", "cost", "run", "samples"]
ITEMS = 60
MISSING = (
    "bench run --defense em --attack lora_sft --dataset tags --victim tiny-llava-a --threat white --seed 99 "
    "--epsilon 8/255 --words 5"
)

RIGHT = {"none": 50, "mmguard": 12, "em": 30}
"""Right answers of the model that was trained on each release, of 60."""


def answers(name: str, right: int) -> str:
    def work(folder: Path) -> None:
        items = [f"i{number}" for number in range(ITEMS)]
        said = ["apple" if number < right else name for number in range(ITEMS)]
        table = pd.DataFrame({"id": items, "image_id": items, "question": "?", "target": "apple", "prediction": said})
        table.assign(score=1.0 * (np.arange(ITEMS) < right)).to_parquet(folder / "predictions.parquet")

    return artifacts.make("evaluate", {"model": name}, work).identity


@pytest.fixture
def played(bench_home: Path, run_factory: Factory) -> list[Run]:
    """Three seeds of three defenses, with their answers."""
    for number, (defense, seed) in enumerate((defense, seed) for defense in RIGHT for seed in range(3)):
        stages = {"zero": answers("zero", 2), "clean": answers(f"clean {seed}", 50 - seed), "protect": "1" * 16}
        stages["evaluate"] = answers(f"{defense} {seed}", RIGHT[defense] + seed)
        save(run_factory(number, defense=defense, seed=seed, stages=stages, provenance={"dirty": False}))
    return load()


@pytest.fixture
def shipped(played: list[Run], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """They are published and checked, and the home is another one, where there is nothing."""
    folder = tmp_path_factory.mktemp("shipped")
    export.publish(played, folder)
    monkeypatch.setattr(published, "FOLDER", folder)
    assert checked.vouch() == ([run.id for run in played], [])
    export.publish(played, folder, {"toy": {**{run.id: "" for run in played}, "f" * 16: MISSING}})
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("home")))
    return folder


def test_cells_and_ranks_are_the_same_without_the_home(
    played: list[Run], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def tables(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        cells = compute_cells(select_comparable(frame))
        return cells, compute_leaderboard(frame)

    monkeypatch.setattr(ranks, "required_attacks", lambda: {"adaptive": ("lora_sft",)})
    here = tables(load_runs())
    assert here[0]["high"].nunique() == 3, "of the answers, not of the rows, in which all are the same"
    folder = tmp_path_factory.mktemp("shipped")
    export.publish(played, folder)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setattr(published, "FOLDER", folder)
    there = tables(tabulate_runs(published.load_runs()))
    for own, other in zip(here, there, strict=True):
        pd.testing.assert_frame_equal(own, other)
    assert there[1]["rank"].tolist() == ["1", "2"], "by pairs of answers: the intervals of the rows are the same"


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_home_opens_with_what_is_published(shipped: Path, open_page: Open, page: str) -> None:
    app = open_page(page)
    assert not [box for box in app.info if "No results yet" in box.value]
    date = str((published.read_provenance() or {})["created"])[:10]
    assert app.sidebar.text[0].value == f"9 runs, published on {date}\nsuite toy: 9 of 10 played"
    assert app.sidebar.expander[0].label == "Not played: 1 runs"
    assert app.sidebar.code[0].value == MISSING
    assert load() == [], "they are shown, not taken in"
    if page == "ranking":
        assert app.dataframe[0].value["Defense"].tolist() == ["mmguard", "em"]
    if page == "run":
        assert "bench run --defense" in app.code[0].value
        captions = [text.value for text in app.caption]
        assert "Not on this machine: the released pictures. This command makes them." in captions


def test_answers_are_shown_and_pictures_are_told_to_be_absent(shipped: Path, open_page: Open) -> None:
    run = next(run for run in published.load_runs() if (run.defense, run.seed) == ("em", 0))
    app = open_page("samples", run=run.id)
    table = app.dataframe[0].value
    assert len(table) == ITEMS
    assert table["protected score"].sum() == RIGHT["em"]
    assert set(table["protected"]) == {"apple", "em 0"}
    assert "pictures are not on this machine" in app.info[0].value
    assert run.command in [block.value for block in app.code]


def test_ones_own_runs_come_first_and_can_be_switched(shipped: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(77, defense="tap"))
    app = open_page()
    assert app.dataframe[0].value["Defense"].tolist() == ["tap"]
    switch = app.sidebar.radio(key="results")
    assert switch.options == ["Runs of this machine", "Published results"]
    switch.set_value("published").run()
    assert not app.exception
    assert app.dataframe[0].value["Defense"].tolist() == ["mmguard", "em"]
    app.switch_page("views/matrix.py").run()
    assert not app.exception
    assert app.sidebar.radio(key="results").value == "published", "the choice goes with the reader"


def test_an_address_opens_the_source_that_has_the_run(shipped: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(77, defense="tap"))
    for key, source in ((f"{77:016x}", "own"), (f"{4:016x}", "published"), ("unknown", "own")):
        app = open_page("run", run=key)
        assert app.sidebar.radio(key="results").value == source
        assert bool(app.warning) == (key == "unknown")


def test_without_published_results_there_is_nothing_to_switch(home: Path, open_page: Open) -> None:
    app = open_page()
    assert not app.sidebar.radio
    assert not app.sidebar.text


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("name", [*published.FILES, published.PROVENANCE])
def test_damage_is_told_and_the_app_opens(
    shipped: Path, open_page: Open, run_factory: Factory, name: str, own: bool
) -> None:
    if own:
        save(run_factory(77, defense="tap"))
    (shipped / name).write_bytes((shipped / name).read_bytes()[:50])
    app = open_page()
    assert name in app.sidebar.warning[0].value
    if own:
        assert app.dataframe[0].value["Defense"].tolist() == ["tap"]
    elif name == published.ANSWERS:
        assert len(app.dataframe[0].value) == 2, "the rows are right, and their answers are not at hand"
    else:
        assert "No results yet" in app.info[0].value


@pytest.mark.parametrize("page", PAGES)
def test_what_is_shipped_opens_on_a_machine_that_has_nothing_else(
    bench_home: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setattr(published, "FOLDER", SHIPPED)
    monkeypatch.setattr(checked, "FILE", CHECKED)
    app = open_page(page)
    assert app.sidebar.text[0].value.startswith(f"{len(published.load_runs())} runs, published on ")
    assert not app.sidebar.warning
    assert "No results yet" not in "".join(box.value for box in app.info)
    if page == "ranking":
        assert {"mmguard", "em"} <= set(app.dataframe[0].value["Defense"])
        (box,) = [box for box in app.expander if box.label.startswith("Not comparable: ")]
        reasons = box.dataframe[0].value.groupby("defense_label")["reason"].agg(set).to_dict()
        assert reasons.pop("wrong_answers") == {"the release has other answers: an upper bound, never ranked"}
        assert set(reasons) == {"none", "mmguard"}
        assert all(reason == {"clean data gain this trainer too little to judge"} for reason in reasons.values())
        attacks = box.dataframe[0].value.groupby("defense_label")["attack_label"]
        curve = attacks.get_group("none").str.contains("own_only")
        assert curve.all(), "the clean learning curve: no trainer gains by a release there"
        assert set(attacks.get_group("mmguard")) == {"lora_sft+relabel"}, "labels of one's own: the same"


SHIPPED, CHECKED = published.FOLDER, checked.FILE


def test_what_was_read_is_no_matter_of_garbage_collection(home: Path, open_page: Open) -> None:
    """Streamlit collects after every page. Reading again does not add to what is spared."""
    gc.unfreeze()
    open_page()
    first = gc.get_freeze_count()
    assert first > 10_000
    sources._load_own()
    assert gc.get_freeze_count() < 1.2 * first
    gc.unfreeze()
