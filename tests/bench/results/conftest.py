"""Fixtures: a row, and an empty database in a SQLite file and in a PostgreSQL server that the tests start."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from bench.results import Run, database
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL

NOW = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)


def _values(key: str = "a" * 16, **changes: Any) -> dict[str, Any]:
    return {
        "id": key, "protocol": PROTOCOL, "evaluator": EVALUATOR, "code": "0.1", "defense": "mmguard",
        "defense_options": {"tau": 0.1, "keep": True}, "attack": "lora_sft", "attack_options": {"lr": 1e-05},
        "dataset": "emoji_catalog", "victim": "tiny-llava-a", "threat": "white", "surrogates": "tiny-llava-a",
        "seed": 3, "epsilon": 8, "words": 5,
        "utility_zero": 0.01, "utility_clean": 0.875, "utility": 1 / 3, "validation": 0.29, "protection": 0.66,
        "validation_clean": 0.8, "baselines": {"zero": {"test": 0.01, "validation": 0.02}},
        "protection_low": 0.5, "protection_high": 0.75, "eligible": True, "stealth": {"linf": 8, "words": 1},
        "cost": {"attack": {"seconds": 1.5}}, "stages": {"protect": "b" * 16},
        "provenance": {"packages": {"torch": "2.13"}},
        "curve": [{"epoch": 2, "validation": 0.25, "test": 1 / 3}],
        "effects": {"photos": {"metric": "score", "items": 9, "of": 9, "zero": 0.5, "clean": 0.6, "attacked": 0.4,
                               "clean_change": [0.1], "attacked_change": [-0.1, -0.2, 0.2]}},
        "command": "bench run 'é ✓'", "created": NOW,
    } | changes  # fmt: skip


@pytest.fixture
def values() -> Callable[..., dict[str, Any]]:
    """Return a function that returns the columns of a run, with a value in every one."""
    return _values


@pytest.fixture
def row() -> Callable[..., Run]:
    """Return a function that returns a run with a value in every column."""
    return lambda *key, **changes: Run(**_values(*key, **changes))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the URL of an empty database, to which `$BENCH_RESULTS` is set."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'results.sqlite'}"
    else:
        address = request.getfixturevalue("fresh_postgres")
    monkeypatch.setenv("BENCH_RESULTS", address)
    yield address
    database._open_engine(address, os.getpid()).dispose()


@pytest.fixture
def fresh_postgres(postgres: str) -> str:
    """Create a database in the server and return its URL."""
    name = f"fresh_{os.urandom(6).hex()}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return make_url(postgres).set(database=name).render_as_string()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start a server on a socket in a folder of its own. For root, who may not run it, the user `postgres` does."""
    programs = _programs()
    if programs is None:
        missing = "PostgreSQL's initdb is neither on the PATH nor in /usr/lib/postgresql"
        pytest.fail(missing) if os.environ.get("CI_POSTGRES") == "1" else pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user, user)

    def call(program: str, *arguments: str) -> None:
        line = [str(programs / program), "-D", "data", *arguments]
        # Not captured by a pipe, which the server would hold open.
        with (folder / "log").open("a+b") as log:
            done = subprocess.run(line, cwd=folder, user=user, group=user, stdout=log, stderr=log, check=False)
            log.seek(0)
            assert done.returncode == 0, log.read().decode()

    try:
        call("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        call("pg_ctl", "start", "-w", "-o", f"-k {folder} -c listen_addresses=''")
        yield f"postgresql://postgres@/postgres?host={folder}"
        call("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """Return the folder of the server's programs, which Debian keeps off the PATH; None where it is missing."""
    if program := shutil.which("initdb"):
        return Path(program).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)
