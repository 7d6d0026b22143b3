"""`bench results export`: the home's runs as files, a suite's alone, with what is missing of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.game.suite import read_suite
from bench.play.run import run_id
from bench.results import Run, checked, published


def test_every_run_that_may_be_compared(cli: Callable, finished: Callable[..., Run], tmp_path: Path) -> None:
    kept = [finished(0), finished(1, protected=24)]
    finished(2, protected=8, evaluator=0)
    output = cli("results", "export", str(tmp_path / "files"))
    assert (output.code, output.out) == (0, "2 runs and the answers of 4 evaluations, 0.0 MB\n"), output.err
    assert {run.id for run in published.load_runs(tmp_path / "files")} == {run.id for run in kept}


def test_the_runs_of_a_suite(cli: Callable, finished: Callable[..., Run], tmp_path: Path) -> None:
    ids = [run_id(spec) for spec in read_suite("smoke").runs()]
    finished(0), finished(1, protected=24, id=ids[2])
    folder = tmp_path / "files"
    output = cli("results", "export", str(folder), "--suite", "smoke")
    assert output.code == 0, output.err
    assert output.out.splitlines() == [
        "1 runs and the answers of 3 evaluations, 0.0 MB",
        "smoke: 3 of 4 runs are not played",
    ]
    entry = json.loads((folder / published.PROVENANCE).read_text())["suites"]["smoke"]
    assert (entry["planned"], set(entry["not_played"])) == (4, set(ids) - {ids[2]})
    assert all(command.startswith("bench run --defense ") for command in entry["not_played"].values())


def test_rows_that_are_there_stay_or_go(cli: Callable, finished: Callable[..., Run], tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    folder = str(tmp_path / "files")
    finished(0)
    cli("results", "export", folder)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "other"))
    finished(1, protected=24)
    assert cli("results", "export", folder).out.startswith("2 runs")
    assert cli("results", "export", folder, "--replace").out.startswith("1 runs")


def test_without_a_folder_it_is_what_the_leaderboard_opens_with(
    cli: Callable, finished: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "FOLDER", tmp_path / "shipped")
    monkeypatch.setattr(checked, "FILE", tmp_path / "checked.json")
    run = finished(0)
    assert cli("results", "export").out.splitlines()[1:] == [
        "1 rows are self-reported, without a rank; `bench results vouch` checks those of this home"
    ]
    assert cli("results", "vouch").out == "1 of 1 published rows are checked\n"
    assert len(cli("results", "export").out.splitlines()) == 1
    assert [each.id for each in published.load_runs()] == [run.id]


@pytest.mark.parametrize("arguments", [[], ["--suite", "smoke"], ["--suite", "no such"]])
def test_nothing_to_export_is_an_error(cli: Callable, tmp_path: Path, arguments: list[str]) -> None:
    output = cli("results", "export", str(tmp_path / "files"), *arguments)
    assert output.code == 2
    assert output.err.startswith("error: ")
    assert not (tmp_path / "files").exists()


def test_what_is_published_is_shown_with_what_is_doubtful_about_it(
    cli: Callable, finished: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "FOLDER", tmp_path / "shipped")
    line = "bench run --defense mmguard --attack lora_sft --dataset emoji_smoke --victim tiny-llava-a --threat white"
    run = finished(0, command=f"{line} --seed 0 --epsilon 8/255 --words 5 -o tau=0.1")
    other = finished(0, clean=6, eligible=False, protection=None)
    monkeypatch.setattr(checked, "FILE", tmp_path / "checked.json")
    assert cli("results", "export").code == 0
    assert cli("results", "vouch").out == "2 of 2 published rows are checked\n"
    listed, doubts, shown = cli("show").out, cli("smells").out, cli("show", run.id).out
    assert other.id in listed
    assert "flag" in doubts
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "empty"))
    assert cli("show").out == ""
    badge = "maintainers, 1 of 5 seeds"
    lines = cli("show", "--published").out.splitlines()
    assert [line.split() for line in lines] == [f"{line} {badge}".split() for line in listed.splitlines()]
    assert cli("smells", "--published").out == doubts
    assert json.loads(cli("show", run.id, "--published").out) == {**json.loads(shown), "checked": badge}


def test_own_data_are_left_out_and_counted(cli: Callable, finished: Callable[..., Run], tmp_path: Path) -> None:
    finished(0), finished(1, protected=24, dataset="own:pets@0123456789abcdef")
    folder = str(tmp_path / "files")
    lines = cli("results", "export", folder).out.splitlines()
    assert lines[1:] == ["1 runs on your own data are left out; --own NAME exports those of a name"]
    assert {run.dataset for run in published.load_runs(tmp_path / "files")} == {"emoji_smoke"}
    assert cli("results", "export", folder, "--own", "pets").out.splitlines()[1:] == []
    assert len(published.load_runs(tmp_path / "files")) == 2


def test_a_site_of_own_runs_in_a_folder_of_its_own(cli: Callable, finished: Callable[..., Run], tmp_path: Path) -> None:
    finished(0), finished(1, protected=24, dataset="own:pets@0123456789abcdef")
    folder = tmp_path / "site"
    output = cli("results", "export", "--html", str(folder))
    assert (output.code, output.out) == (0, f"5 files of 1 runs of this machine; open {folder / 'index.html'}\n")
    assert "mmguard" in (folder / "matrix.html").read_text()
    assert not any("pets" in file.read_text() for file in folder.rglob("*.html"))
    assert cli("results", "export", "--html", str(folder)).code == 0, "its own folder"
    for arguments in (["--html", str(tmp_path)], [str(tmp_path / "x"), "--html", str(folder)]):
        assert cli("results", "export", *arguments).err.startswith("error: html: ")
