"""A mock says what is wrong with each kind of submission, in lines, and keeps nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.game.submissions.files import sum_release
from bench.game.submissions.scaffold import renew_sums, scaffold
from bench.samples import SampleSet
from tests.corpus.conftest import run_bench

__all__ = ["run_bench"]

Bench = Callable[..., tuple[object, str, str]]

ENTRY = """
import time
from dataclasses import replace
import numpy as np
from bench.samples import SampleSet
from defenses.base import Card, Defense, Protected

class Entry(Defense):
    card = Card("own", "nothing", "pictures", "none", "none")
    depends = frozenset({{"seed"}})

    def protect(self, samples, surrogates, budget, rng, progress):
        rows = [s.with_release(s.pixels ^ 2, s.question) for s in samples]
        {line}
        return Protected(SampleSet(tuple(rows)))
"""

FAULTS = {
    "rows = [s.with_release(s.pixels ^ 16, s.question) for s in samples]": "WRONG  pictures: 24 of 24 changed, by at",
    "rows = list(samples)": "WRONG  changes: no picture and no question is changed",
    "rows = [replace(r, answer='x') for r in rows]": "WRONG  answers: release: 24 answers changed",
    "rows = rows[:-1]": "WRONG  answers: release: ids or order changed, sample 24 ",
    "rows = rows[::-1]": "WRONG  answers: release: ids or order changed, sample 1 ",
    "rows = [r.with_release(r.pixels, r.question + ' pony' * 6) for r in rows]": "WRONG  words: 24 of 24 changed, by",
    "rows = [r.with_release(r.pixels, 'Else?') for r in rows]": "WRONG  answers: release: question of sample",
    "rows[3] = rows[3].with_release(rows[3].pixels ^ (time.time_ns() // 8 % 2), 'x')": "WRONG  answers: ",
    "rows[3] = rows[3].with_release(rows[3].pixels ^ np.random.default_rng().integers(0, 3, (64, 64, 3), np.uint8), "
    "rows[3].question)": "WRONG  repeats: 1 of 24 samples are others the second time",
    "rows = [r.with_release(r.pixels / 255, r.question) for r in rows]": "WRONG  runs: defense 'mine.py': ",
    "time.sleep(99)": "WRONG  runs: defense 'mine.py': it ran for more than 3 s, the limit",
    "1 / 0": "WRONG  runs: defense 'mine.py': ZeroDivisionError: division by zero (mine.py, line 14)",
}


def mock(run_bench: Bench, folder: Path, code: int) -> list[str]:
    """The lines of a mock, which writes nothing into the home but descriptions of methods."""
    found, out, error = run_bench("submit", "mock", str(folder))
    lines = out.splitlines()
    assert found == code and "error: " not in error
    assert any(line.startswith("WRONG  ") for line in lines) == (code == 2)
    assert all(line.isprintable() and line.startswith(("ok     ", "WRONG  ")) for line in lines)
    return lines


def line_of(lines: list[str], name: str) -> str:
    (line,) = [line for line in lines if line.split()[1] == f"{name}:"]
    return line


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
@pytest.mark.parametrize("line", FAULTS)
def test_what_is_wrong_with_code_is_said(
    run_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    folder = scaffold("code", "mine", tmp_path / "new", "tags")
    (folder / "mine.py").write_text(ENTRY.format(line=line))
    renew_sums(folder)
    monkeypatch.setenv("BENCH_SANDBOX_SECONDS", "100")  # 3 s for the few samples
    assert FAULTS[line] in "\n".join(mock(run_bench, folder, 2))


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_good_code_passes_and_nothing_is_kept(run_bench: Bench, tmp_path: Path) -> None:
    folder = scaffold("code", "mine", tmp_path / "new", "tags")
    before = sorted(folder.iterdir())
    lines = mock(run_bench, folder, 0)
    assert [line.split()[1] for line in lines] == [
        "loads:", "runs:", "answers:", "pictures:", "words:", "repeats:", "loss:",
    ]  # fmt: skip
    assert "by at most 8 levels; allowed: 8" in line_of(lines, "pictures")
    assert {path.name for path in tmp_path.iterdir()} <= {"new", "methods", "home.json"}
    assert sorted(folder.iterdir()) == before


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_a_fact_that_does_not_hold_is_told_with_its_value(run_bench: Bench, tmp_path: Path) -> None:
    folder = scaffold("code", "mine", tmp_path / "new", "tags")
    file = folder / "mine.py"
    file.write_text(file.read_text().replace('{"budget", "seed"}', '{"budgt", "seed"}'))
    renew_sums(folder)
    (line,) = mock(run_bench, folder, 2)
    assert "depends: \"['budgt', 'seed']\"; allowed: budget, seed, surrogates" in line


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_code_that_cannot_be_loaded_is_one_line(run_bench: Bench, tmp_path: Path) -> None:
    folder = scaffold("code", "mine", tmp_path / "new", "tags")
    (folder / "mine.py").write_text("class Nothing:\n    pass\n")
    renew_sums(folder)
    (line,) = mock(run_bench, folder, 2)
    assert "subclasses of Defense: none" in line


def made(folder: Path, level: int, question: str = "") -> Path:
    """A release on `emoji_smoke` with changed levels and questions."""
    clean = SampleSet.load(folder / "release")
    shutil.rmtree(folder / "release")
    changed = (s.with_release(s.pixels ^ np.uint8(level), f"{s.question}{question}") for s in clean)
    SampleSet(tuple(changed)).save(folder / "release")
    (folder / "SHA256SUMS").write_text(sum_release(folder))
    return folder


@pytest.mark.parametrize(
    ("level", "question", "fault"),
    [
        (4, " pony", ""),
        (0, "", "WRONG  changes: "),
        (16, "", "WRONG  pictures: 96 of 96 changed, by at most 16 levels (train-0021-00); allowed: 8"),
        (4, " pony" * 6, "WRONG  words: 96 of 96 changed, by at most 6 words (train-0021-00); allowed: 5"),
        (4, " 2", "WRONG  answers: release: question of sample"),
    ],
)
def test_a_release_is_looked_at_whole(run_bench: Bench, tmp_path: Path, level: int, question: str, fault: str) -> None:
    folder = made(scaffold("release", "mine", tmp_path / "new", "emoji_smoke"), level, question)
    assert fault in "\n".join(mock(run_bench, folder, 2 if fault else 0))


def test_a_release_of_other_samples_is_named(run_bench: Bench, tmp_path: Path) -> None:
    folder = scaffold("release", "mine", tmp_path / "new", "emoji_smoke")
    file = folder / "submission.yaml"
    file.write_text(file.read_text().replace("emoji_smoke", "tags"))
    assert "ids or order changed" in line_of(mock(run_bench, folder, 2), "answers")


def test_a_release_with_a_broken_picture_is_one_line(run_bench: Bench, tmp_path: Path) -> None:
    folder = scaffold("release", "mine", tmp_path / "new", "emoji_smoke")
    picture = min((folder / "release" / "images").iterdir())
    picture.write_bytes(picture.read_bytes()[:300])
    renew_sums(folder)
    code, _, error = run_bench("submit", "mock", str(folder))
    (line,) = error.splitlines()
    assert code == 2 and line.startswith("error: ") and picture.name in line


def configured(folder: Path, kind: str, before: str, after: str) -> Path:
    """A scaffold with another method."""
    place = scaffold(kind, "mine", folder, "tags")
    file = place / "submission.yaml"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))
    return place


@pytest.mark.parametrize(("name", "code"), [("em", 0), ("random_noise", 0), ("none", 2)])
def test_a_configured_defense_is_crafted_in_few_steps(run_bench: Bench, tmp_path: Path, name: str, code: int) -> None:
    options = "{rounds: 2}" if name == "em" else "{}"
    folder = configured(tmp_path / "new", "configured", "name: em", f"name: {name}")
    file = folder / "submission.yaml"
    file.write_text(file.read_text().replace("{rounds: 2}", options))
    lines = mock(run_bench, folder, code)
    assert line_of(lines, "repeats").startswith("ok ")
    assert ("no effect" in line_of(lines, "loss")) == (name == "none")


def test_a_file_of_version_1_is_tried_too(run_bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "entry.yaml"
    file.write_text("version: 1\ntitle: A title\nauthors: [A]\ndefense: {name: random_noise}\n")
    assert line_of(mock(run_bench, file, 0), "pictures").startswith("ok ")
