"""`bench submit run` leaves a provenance file beside the rows, and `bench submit verify` checks it line by line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import results
from tests.bench.toy_game import Game

ENTRY = {
    "version": 1, "title": "Hide *by* [a](javascript:b) <script>", "authors": ["A. Stranger"],
    "defense": {"name": "hide"}, "datasets": ["emoji_smoke"], "victims": ["tiny-llava-a"], "seeds": [0],
}  # fmt: skip


@pytest.fixture
def entry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission of a toy defense."""
    file = tmp_path_factory.mktemp("entry") / "entry.yaml"
    file.write_text(json.dumps(ENTRY))
    return file


def test_a_played_submission_verifies_and_a_changed_number_is_an_error(
    game: Game, cli: Callable, entry: Path, tmp_path: Path
) -> None:
    output = cli("submit", "run", str(entry), "--to", str(tmp_path / "out"))
    assert output.code == 0, output.err
    (file,) = (tmp_path / "out").iterdir()
    assert output.out.splitlines()[-1] == f"provenance: {file}"
    output = cli("submit", "verify", str(file), "--rerun", "0.01", "--seed", "4")
    assert output.code == 0, output.out
    lines = output.out.splitlines()
    assert {line.split()[0] for line in lines[:-1]} == {"ok"}
    assert lines[1].endswith(f", {ENTRY['title']}"), "as text"
    assert lines[-1] == "the stages that were made again are those of --rerun 0.01 --seed 4"
    (row,) = results.load()
    content = file.read_text()
    file.write_text(content.replace(f'"utility": {row.utility}', '"utility": 0.01'))
    output = cli("submit", "verify", str(file), "--rerun", "0")
    assert output.code == 2
    wrong = [line for line in output.out.splitlines() if line.startswith("WRONG")]
    assert wrong == [
        "WRONG  seal: the file was changed afterwards",
        f"WRONG  row {row.id}: utility: '0.01'; the answers give '{row.utility}'",
    ]


def test_the_file_lies_in_the_home_unless_a_folder_is_named(
    game: Game, cli: Callable, entry: Path, bench_home: Path
) -> None:
    output = cli("submit", "run", str(entry), "--json")
    (file,) = (bench_home / "submissions").iterdir()
    assert output.err.splitlines()[-1] == f"provenance: {file}"
    assert json.loads(output.out)["runs"]


def test_a_folder_that_cannot_be_made_stops_before_anything_is_played(
    game: Game, cli: Callable, entry: Path, tmp_path: Path
) -> None:
    output = cli("submit", "run", str(entry), "--to", str(entry / "out"))
    assert (output.code, game.computed) == (2, [])
    assert output.err.count("\n") == 1


@pytest.mark.parametrize("name", ["missing.json", ".", "\x1b[31m.json"])
def test_what_is_no_file_is_one_line(cli: Callable, tmp_path: Path, name: str) -> None:
    output = cli("submit", "verify", str(tmp_path / name))
    assert (output.code, output.out) == (2, "")
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1 and output.err.strip().isprintable()
