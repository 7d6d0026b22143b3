"""`bench protect`, `bench audit` and `bench detect` from the command line: exit codes, one line for bad input."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.bench.owner import files


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Four pictures with questions."""
    folder = tmp_path / "pets"
    rows = [{"file_name": f"{i}.png", "question": "What is this?", "answer": f"pet {i}"} for i in range(4)]
    files.write(folder, {f"{i}.png": files.encode(files.picture(seed=i), "PNG") for i in range(4)})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A file system that cannot be written to."""
    place = tmp_path / "read-only"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(place)], capture_output=True, check=False
    ).returncode:
        pytest.skip("no right to mount")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_protect_and_audit_agree(cli: Callable, pets: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    done = cli("protect", str(pets), "--out", out, "--defense", "random_noise", "--epsilon", "4/255")
    assert done.code == 0 and "4 pictures, 4 rows; at most 4 levels" in done.out
    assert "nearly everything back" in done.out
    places = [line for line in done.out.splitlines() if line.startswith("played on ")]
    assert len(places) == len(set(places)) > 1, "numbers of different games are not mixed"
    assert cli("audit", str(pets), out, "--epsilon", "4/255").code == 0
    over = cli("audit", str(pets), out, "--epsilon", "3", "--json")
    assert over.code == 1 and len(json.loads(over.out)["faults"]) == 4
    again = cli("protect", str(pets), "--out", out, "--defense", "random_noise")
    assert again.code == 2 and len(again.err.splitlines()) == 1


def test_something_left_out_is_named_and_is_exit_code_1(cli: Callable, pets: Path, tmp_path: Path) -> None:
    files.write(pets, {"ba\x1bd.txt": b"x"})
    done = cli("protect", str(pets), "--out", str(tmp_path / "out"), "--defense", "random_noise")
    assert done.code == 1 and "left out: 'ba\\x1bd.txt': not copied" in done.err and "\x1b" not in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--defense", "mmgard"), "did you mean 'mmguard'?"),
        (("--defense", "em", "--text-only"), "nothing of that is allowed here"),
        (("--defense", "text_trigger", "--image-only"), "nothing of that is allowed here"),
        (("--defense", "wrong_answers"), "allowed: one that changes pictures or questions"),
        (("--image-only", "--text-only"), "allowed: one of them"),
        (("--defense", "em", "-o", "round=1"), "no such option"),
        (("--through", "gif=1"), "through: 'gif=1'"),
        (("--defense", "random_noise", "--through", "jpeg=85"), "takes no pixel steps"),
        (("--surrogates", "tiny-lava"), "tiny-lava"),
        (("--epsilon", "x"), "epsilon: 'x'"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_nothing(
    cli: Callable, pets: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = cli("protect", str(pets), "--out", str(tmp_path / "out"), *arguments)
    assert done.code == 2 and message in done.err and len(done.err.splitlines()) == 1
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.report").exists()


def test_places_that_are_no_folders_are_one_line(cli: Callable, pets: Path, tmp_path: Path) -> None:
    files.write(tmp_path, {"file": b""})
    for source, out in (
        (tmp_path / "none", tmp_path / "out"),
        (pets, tmp_path / "file" / "out"),
        (pets, tmp_path / "file"),
    ):
        done = cli("protect", str(source), "--out", str(out), "--defense", "random_noise")
        assert done.code == 2 and len(done.err.splitlines()) == 1, done.err
        assert cli("audit", str(source), str(out)).code == 2


def test_a_read_only_target_is_one_line(cli: Callable, pets: Path, read_only: Path) -> None:
    done = cli("protect", str(pets), "--out", str(read_only / "out"), "--defense", "random_noise")
    assert done.code == 2 and "Read-only" in done.err and len(done.err.splitlines()) == 1


def test_a_full_disk_is_one_line_and_the_command_goes_on_with_room(cli: Callable, pets: Path, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(os.urandom(480 * 1024))
    command = ("protect", str(pets), "--out", str(small_disk / "out"), "--defense", "random_noise")
    done = cli(*command)
    assert done.code == 2 and len(done.err.splitlines()) == 1
    assert f"out: no space left for {str(small_disk / 'out')!r}" in done.err
    ballast.unlink()
    assert cli(*command).code == 0 and cli("audit", str(pets), str(small_disk / "out")).code == 0


def test_a_dry_run_counts_and_measures_and_writes_nothing(cli: Callable, pets: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = cli("protect", str(pets), "--out", str(tmp_path / "out"), "--defense", "random_noise", "--dry-run", "--json")
    expected = json.loads(done.out)
    assert (expected["pictures"], expected["rows"], expected["chunks"]) == (4, 4, 1)
    assert expected["seconds"] >= 0 and expected["memory_mb"] > 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_on_a_large_model_computes_without_it(cli: Callable, pets: Path, tmp_path: Path) -> None:
    command = ("protect", str(pets), "--out", str(tmp_path / "out"), "--dry-run", "--json")
    small, large = (json.loads(cli(*command, "--surrogates", name).out) for name in ("qwen3-vl-2b", "qwen3-vl-8b"))
    assert 0 < small["seconds"] < large["seconds"] and small["gpu_mb"] < large["gpu_mb"]
    assert "assumed" in large["rests_on"]


@pytest.fixture
def released(cli: Callable, pets: Path, tmp_path: Path) -> Path:
    """The four pictures with noise that is drawn for each alone."""
    assert cli("protect", str(pets), "--out", str(tmp_path / "out"), "--defense", "random_noise").code == 0
    return tmp_path / "out"


@pytest.mark.parametrize(("losses", "code", "sentence"), [((0.1, 2.0), 1, "found: "), ((2.0, 2.0), 0, "nothing found")])
def test_detect_says_what_it_found_in_words_json_and_exit_code(
    cli: Callable,
    pets: Path,
    released: Path,
    losses: tuple[float, float],
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(_: object, sides: list[list[list[object]]], __: object) -> list[np.ndarray]:
        return [np.array([[losses[side > 0]] * len(chunk[0]) for side in range(len(chunk))]) for chunk in sides]

    monkeypatch.setattr("bench.owner.detect._ask", ask)
    command = ("detect", str(pets), str(released), "--model", "tiny-internvl")
    done, report = cli(*command), json.loads(cli(*command, "--json").out)
    assert done.code == code and done.out.splitlines()[-1].startswith(sentence)
    assert "default seed" in done.err
    assert report["found"] == bool(code) and report["loss_fresh"] == 2 and report["answers"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "tiny-lava"), "tiny-lava"),
        (("--model", "tiny-internvl", "--adapter", "nowhere"), "adapter_config.json"),
        (("--model", "tiny-internvl", "--fpr", "0"), "fpr"),
        (("--model", "tiny-internvl", "--fpr", "nan"), "fpr"),
        ((), "--model"),
    ],
    ids=" ".join,
)
def test_bad_input_of_detect_is_one_line(
    cli: Callable, pets: Path, released: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = cli("detect", str(pets), str(released), *arguments)
    assert done.code == 2 and message in done.err.splitlines()[-1]
