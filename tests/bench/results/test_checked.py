"""A row is the maintainers' only if they have played it themselves, to the bit, whatever a folder of results says."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench import results
from bench.errors import UserError
from bench.results import checked, export, published
from bench.results.export import ROLES
from bench.store import artifacts
from bench.store.predictions import read_table
from bench.tables.badges import MAINTAINERS, SELF_REPORTED
from bench.tables.runs import NOT_CHECKED, load_published_runs

Finish = Callable[..., results.Run]


@pytest.fixture(autouse=True)
def nothing_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The maintainers have played nothing yet."""
    monkeypatch.setattr(checked, "FILE", tmp_path / "checked.json")


@pytest.fixture
def shipped(finished: Finish, tmp_path: Path) -> Path:
    """Two published runs."""
    finished(0), finished(1, protected=24)
    export.publish(results.load(), tmp_path / "shipped")
    return tmp_path / "shipped"


def origins(folder: Path) -> dict[str, str]:
    frame = load_published_runs(folder)
    assert frame["reason"].tolist() == ["" if each == MAINTAINERS else NOT_CHECKED for each in frame["origin"]]
    return dict(zip(frame["id"], frame["origin"], strict=True))


def test_an_export_is_self_reported_until_the_maintainers_have_played_the_same(
    shipped: Path, finished: Finish, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, second = (run.id for run in results.load())
    assert origins(shipped) == {first: SELF_REPORTED, second: SELF_REPORTED}
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("maintainers")))
    assert checked.vouch(shipped) == ([], []), "they have played nothing"
    finished(0)
    assert checked.vouch(shipped) == ([first], [])
    assert origins(shipped) == {first: MAINTAINERS, second: SELF_REPORTED}
    finished(1, protected=24, utility=0.61, id=second)
    assert checked.vouch(shipped) == ([first], [second])


def test_no_export_and_no_file_of_a_folder_makes_a_row_checked(shipped: Path) -> None:
    """Not the file that this module writes, beside the rows, and not words in the columns of a row."""
    rows = results.load()
    checked.vouch(shipped)
    content = checked.FILE.read_text()
    checked.FILE.unlink()
    (shipped / "checked.json").write_text(content)
    (shipped / "verified.json").write_text(json.dumps([run.id for run in rows]))
    provenance = json.loads((shipped / published.PROVENANCE).read_text())
    (shipped / published.PROVENANCE).write_text(json.dumps({**provenance, "checked": json.loads(content)}))
    for run in rows:
        run.provenance = {**run.provenance, "git": "0" * 40, "dirty": False}
    export.publish(rows, shipped)
    assert set(origins(shipped).values()) == {SELF_REPORTED}
    assert not checked.FILE.exists()


@pytest.mark.parametrize(
    "column", ["utility", "protection", "validation_clean", "seed", "stages", "baselines", "stealth"]
)
def test_a_claim_that_was_changed_afterwards_is_self_reported(shipped: Path, column: str) -> None:
    run, other = results.load()
    checked.vouch(shipped)
    stages = {**run.stages, "evaluate": other.stages["evaluate"]}
    stealth, baselines = {**run.stealth, "linf": 4}, {"zero": {"test": 0.1, "validation": 0.2}}
    changes = {"stages": stages, "seed": 2, "baselines": baselines, "stealth": stealth}
    setattr(run, column, changes.get(column, 0.55))
    export.publish([run], shipped)
    assert origins(shipped) == {run.id: SELF_REPORTED, other.id: MAINTAINERS}


@pytest.mark.parametrize("role", [*ROLES, "zero"])
def test_an_answer_that_was_changed_afterwards_is_named_by_no_row_of_the_maintainers(shipped: Path, role: str) -> None:
    run, other = results.load()
    checked.vouch(shipped)

    def load(evaluation: str) -> pd.DataFrame:
        artifact = artifacts.find("evaluate", evaluation)
        assert artifact
        table = read_table(artifact.folder)
        return table[::-1].reset_index(drop=True) if evaluation == run.stages[role] else table

    export.publish([run, other], shipped, load_answers=load)
    assert origins(shipped)[run.id] == SELF_REPORTED
    assert origins(shipped)[other.id] == (MAINTAINERS if role == "evaluate" else SELF_REPORTED)


def test_what_a_second_playing_may_change_is_no_claim(shipped: Path) -> None:
    run, _ = results.load()
    checked.vouch(shipped)
    run.cost = {**run.cost, "attack": {"seconds": 99.0, "peak_mb": 1.0}}
    run.code = "0.2"
    export.publish([run], shipped)
    assert set(origins(shipped).values()) == {MAINTAINERS}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": "b"}', b'{"0123456789abcdef": 1}', b"\xff"])
def test_a_damaged_file_of_the_maintainers_is_one_line(shipped: Path, content: bytes) -> None:
    checked.FILE.write_bytes(content)
    with pytest.raises(UserError, match=r"checked\.json: it cannot be read as identities of rows and their SHA-256$"):
        load_published_runs(shipped)


def test_the_rows_that_come_with_the_suite_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where results were exported and not vouched for: nothing of them would be on the leaderboard."""
    monkeypatch.undo()
    assert set(load_published_runs()["origin"]) >= {MAINTAINERS}
