"""Databases of every earlier version are brought up to date, and keep all their rows."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, inspect, text

from bench.errors import UserError
from bench.results import migrations
from bench.results.database import connect
from bench.results.rows import Base, Run, load, save

FIRST = """CREATE TABLE runs (
    id VARCHAR(16) NOT NULL, protocol INTEGER NOT NULL, evaluator INTEGER NOT NULL, defense VARCHAR NOT NULL,
    defense_options JSON NOT NULL, attack VARCHAR NOT NULL, attack_options JSON NOT NULL, dataset VARCHAR NOT NULL,
    victim VARCHAR NOT NULL, threat VARCHAR NOT NULL, seed INTEGER NOT NULL, epsilon INTEGER NOT NULL,
    words INTEGER NOT NULL, utility_zero {double} NOT NULL, utility_clean {double} NOT NULL, utility {double} NOT NULL,
    validation {double} NOT NULL, protection {double}, protection_low {double}, protection_high {double},
    eligible BOOLEAN NOT NULL, stealth JSON NOT NULL, cost JSON NOT NULL, stages JSON NOT NULL,
    provenance JSON NOT NULL, command VARCHAR NOT NULL, created {moment} NOT NULL, PRIMARY KEY (id)
); CREATE INDEX ix_runs_attack ON runs (attack); CREATE INDEX ix_runs_defense ON runs (defense)"""
"""The table of the first versions of the suite, which had no steps."""

LATER = ("code", "surrogates", "curve", "effects", "baselines", "validation_clean")
"""Columns that later steps add."""

TYPES = {
    "sqlite": {"double": "DOUBLE", "moment": "DATETIME"},
    "postgresql": {"double": "DOUBLE PRECISION", "moment": "TIMESTAMP WITH TIME ZONE"},
}


def run_sql(url: str, *statements: str, **values: Any) -> None:
    """Run SQL statements through a plain engine, without the code of the suite."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), values)
    engine.dispose()


@pytest.fixture
def first(url: str, values: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Turn the database into one of the first version with one row, and return the row."""
    old = {name: value for name, value in values().items() if name not in LATER}
    stored = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in old.items()}
    stored["created"] = "2026-05-01 12:30:00.000000" + ("" if url.startswith("sqlite") else "+00:00")
    insert = f"INSERT INTO runs ({', '.join(old)}) VALUES ({', '.join(f':{name}' for name in old)})"
    run_sql(url, *FIRST.format(**TYPES[url.partition(":")[0]]).split(";"))
    run_sql(url, insert, **stored)
    return old


def test_a_database_of_the_first_version_is_taken_over_with_its_rows(
    url: str, first: dict[str, Any], row: Callable[..., Run]
) -> None:
    (run,) = load()
    assert {name: getattr(run, name) for name in first} == first
    assert [getattr(run, name) for name in LATER] == [None] * len(LATER)
    save(row("c" * 16, code="9.9"))
    assert [run.code for run in load()] == [None, "9.9"]


def test_the_steps_make_the_tables_that_the_code_expects(url: str) -> None:
    with connect().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert inspect(connection).get_table_names() == ["alembic_version", "runs"]


def test_the_steps_are_the_same_from_the_first_version_on(url: str, first: dict[str, Any]) -> None:
    with connect().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_step_has_the_name_of_its_file() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert steps[::-1] == migrations.list_steps()
    assert all(len(step) <= 32 for step in steps), "longer than Alembic's column"


@pytest.mark.parametrize("step", ["0999_from_the_future", "3f2a1b0c9d8e"])
def test_a_newer_database_is_refused_and_left_alone(url: str, row: Callable[..., Run], step: str) -> None:
    save(row())
    run_sql(url, "UPDATE alembic_version SET version_num = :step", step=step)
    with pytest.raises(UserError, match=r"BENCH_RESULTS: .* newer version .* update mmguard-bench"):
        save(row(utility=0.9))
    run_sql(url, "UPDATE alembic_version SET version_num = :step", step=migrations.list_steps()[-1])
    assert [run.utility for run in load()] == [1 / 3]


def test_a_step_that_fails_leaves_the_database_as_it_was(
    url: str, first: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(migrations.FOLDER, tmp_path / "100% broken")
    (folder / "versions" / "0999_broken.py").write_text(
        f'from alembic import op\nrevision, down_revision = "0999_broken", "{migrations.list_steps()[-1]}"\n'
        'def upgrade():\n    op.drop_table("runs")\n    op.execute("no sql")\n'
    )
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "FOLDER", folder)
        with pytest.raises(UserError, match="syntax error"):
            connect()
    engine = create_engine(url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["runs"]
        assert "code" not in {column["name"] for column in inspect(connection).get_columns("runs")}
    engine.dispose()
    assert [run.id for run in load()] == [first["id"]]


def test_a_database_that_is_up_to_date_does_not_wait_for_alembic(url: str, row: Callable[..., Run]) -> None:
    def imported() -> str:
        line = "import sys; from bench.results.rows import load; print(len(load()), 'alembic' in sys.modules)"
        return subprocess.run([sys.executable, "-c", line], check=True, capture_output=True, text=True).stdout

    assert imported() == "0 True\n"
    save(row())
    assert imported() == "1 False\n"


def test_a_process_sees_tables_that_another_one_creates_meanwhile(url: str) -> None:
    """Between its two queries, another process creates the tables."""
    late, early = create_engine(url), create_engine(url)
    event.listen(late, "rollback", lambda _: migrations.upgrade(early), once=True)
    with late.connect() as connection:
        assert migrations.read_revision(connection) == migrations.list_steps()[-1]
    late.dispose()
    early.dispose()
