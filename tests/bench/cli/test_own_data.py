"""`--dataset PATH` and `bench data check PATH` as a person has them, and the example of the docs."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bench.cli import parse
from bench.cli.suite import load_plan
from bench.errors import UserError
from bench.results import Run
from bench.spec import RunSpec

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data that the example of docs/data.md makes."""
    (program,) = (block for block in re.findall(r"```python\n(.*?)```", DOCS, re.S) if "metadata.jsonl" in block)
    place = tmp_path_factory.mktemp("example")
    subprocess.run([sys.executable, "-c", program], cwd=place, check=True)
    return place / "cells"


@pytest.fixture
def cells(example: Path, tmp_path: Path) -> Path:
    """The first sixty rows of it, to be spoilt."""
    place = tmp_path / "mine" / "cells"
    place.mkdir(parents=True)
    rows = (example / "metadata.jsonl").read_text().splitlines()[:60]
    for number in range(60):
        shutil.copy(example / f"{number}.png", place)
    (place / "metadata.jsonl").write_text("\n".join(rows) + "\n")
    return place


def spoil(place: Path, count: int) -> None:
    """Take the answers of the last rows."""
    rows = (place / "metadata.jsonl").read_text().splitlines()
    bare = [json.dumps({k: v for k, v in json.loads(row).items() if k != "answer"}) for row in rows[-count:]]
    (place / "metadata.jsonl").write_text("\n".join([*rows[:-count], *bare]) + "\n")


def test_the_example_of_the_docs_is_whole(cli: Callable, example: Path) -> None:
    output = cli("data", "check", str(example))
    assert (output.code, output.err) == (0, "")
    assert output.out.splitlines() == [
        f"{example}: 200 rows, 0 of them cannot be used; samples train 90, validation 30, test 80",
        "differences below about 16 points would not show in one seed",
    ]


def test_check_lists_every_bad_row_and_exits_with_2(cli: Callable, cells: Path) -> None:
    spoil(cells, 3)
    (cells / "5.png").write_bytes((cells / "5.png").read_bytes()[:60])
    output = cli("data", "check", str(cells))
    assert output.code == 2
    lines = output.out.splitlines()
    assert [line.split(": ")[0] for line in lines[:4]] == [f"metadata.jsonl, row {n}" for n in (6, 58, 59, 60)]
    assert lines[4] == f"{cells}: 60 rows, 4 of them cannot be used; samples train 25, validation 9, test 22"


def test_check_tells_all_where_nothing_can_be_played(cli: Callable, cells: Path) -> None:
    spoil(cells, 30)
    output = cli("data", "check", str(cells))
    assert output.code == 2 and output.out.count("answer: missing") == 30
    assert output.err == f"error: dataset: {str(cells)!r}: 30 of 60 rows cannot be used; allowed: at most one in ten\n"


@pytest.fixture
def played(finished: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """Record the runs instead of playing them."""
    specs: list[RunSpec] = []

    def play(spec: RunSpec, *_: object) -> Run:
        specs.append(spec)
        return finished(spec.seed, dataset=spec.dataset)

    monkeypatch.setattr("bench.play.run.play_run", play)
    return specs


RUN = ("run", "--defense", "none", "--attack", "none", "--seeds", "0,1", "--json")


def test_a_run_goes_on_with_the_good_rows(cli: Callable, cells: Path, played: list[RunSpec]) -> None:
    """Each bad row is told once, not once a seed; standard output stays JSON."""
    spoil(cells, 6)
    output = cli(*RUN, "--dataset", str(cells))
    assert output.code == 0 and len(json.loads(output.out)["runs"]) == 2
    lines = output.err.splitlines()
    assert len([line for line in lines if "answer: missing" in line]) == 6
    assert lines[6] == "6 of 60 rows cannot be used and are left out"
    (name,) = {spec.dataset for spec in played}
    assert lines[7] == f"{name}: train 24, validation 8, test 22" and "points would not show" in lines[8]


def test_a_run_refuses_what_is_mostly_wrong(cli: Callable, cells: Path, played: list[RunSpec]) -> None:
    spoil(cells, 7)
    output = cli(*RUN, "--dataset", str(cells))
    assert output.code == 2 and not played and not output.out
    assert output.err.startswith(f"error: dataset: {str(cells)!r}: 7 of 60 rows cannot be used")
    assert output.err.count("metadata.jsonl, row ") == 7


@pytest.mark.parametrize("text", ["nowhere/", "nowhere.parquet"])
def test_a_path_to_nothing(cli: Callable, text: str, played: list[RunSpec]) -> None:
    output = cli(*RUN, "--dataset", text)
    message = f"error: dataset: {text.rstrip('/')!r} is no data set; allowed: a folder"
    assert output.code == 2 and output.err.startswith(message)


def test_names_are_no_paths(cells: Path, bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is called like a data set is meant only with its slash."""
    cells.rename(cells.with_name("emoji_smoke"))
    monkeypatch.chdir(cells.parent)
    assert parse.dataset("emoji_smoke") == "emoji_smoke" and parse.dataset("no such set") == "no such set"
    name = parse.dataset("emoji_smoke/")
    assert name.startswith("own:emoji_smoke@") and parse.dataset(name) == name


def test_a_suite_takes_paths(cells: Path, bench_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Patterns of its `exclude` mean what its `datasets` say."""
    file = bench_home / "suite.yaml"
    matrix = {"defenses": ["none", "random_noise"], "attacks": ["lora_sft"], "datasets": [str(cells), "emoji_smoke"]}
    exclude = [{"dataset": str(cells), "defense": "none"}]
    file.write_text(yaml.safe_dump({"version": 1, "title": "Mine", **matrix, "exclude": exclude}))
    runs = [(spec.dataset.split("@")[0], spec.defense.name) for spec in load_plan(str(file)).runs.values()]
    assert runs == [("own:cells", "random_noise"), ("emoji_smoke", "none"), ("emoji_smoke", "random_noise")]
    assert capsys.readouterr().err.count("own:cells@") == 2


def test_a_submission_reads_nobodys_folders(cli: Callable, cells: Path) -> None:
    """It comes from strangers."""
    entry = {"version": 1, "title": "An entry", "authors": ["someone"], "defense": {"name": "none"}}
    file = cells.parent / "entry.yaml"
    file.write_text(yaml.safe_dump({**entry, "datasets": [str(cells)]}))
    output = cli("submit", "validate", str(file))
    assert output.code == 2 and output.err.startswith("error: datasets: '/") and "is not known" in output.err


@pytest.mark.slow
def test_a_run_can_be_played_again_from_its_row(cells: Path, bench_home: Path, tmp_path: Path) -> None:
    """The whole of it, on an embedded victim: the row's command, after the folder has gone, computes nothing."""

    def bench(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "BENCH_HOME": str(bench_home), "BENCH_THREADS": "1"}
        command = [sys.executable, "-m", "bench.cli.main", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    run = ["run", "--defense", "random_noise", "--attack", "lora_sft", "-a", "epochs=1", "--json", "--dataset"]
    done = bench(*run, "mine/cells")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["runs"]
    assert row["dataset"].startswith("own:cells@") and str(tmp_path) not in done.stdout
    assert 0 <= row["utility_clean"] <= 1 and row["stealth"]["linf"] <= 8
    cells.rename(tmp_path / "moved")
    before = {file: file.stat().st_mtime_ns for file in (bench_home / "artifacts").rglob("*") if file.is_file()}
    again = bench(*row["command"].split()[1:], "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["runs"] == [row]
    moved = bench(*run, "moved")
    assert json.loads(moved.stdout)["runs"][0]["stages"] == row["stages"]
    assert before == {file: file.stat().st_mtime_ns for file in (bench_home / "artifacts").rglob("*") if file.is_file()}


def test_a_set_that_is_not_in_this_home_is_asked_for(bench_home: Path) -> None:
    fields = {"defense": "none", "attack": "none", "victim": "tiny-llava-a", "threat": "white", "seed": 0, "epsilon": 8}
    with pytest.raises(UserError, match=r"^dataset: 'own:pets@0123456789abcdef' is not in .*; allowed: its folder"):
        parse.spec(dataset="own:pets@0123456789abcdef", words=5, options={}, attack_options={}, **fields)
