"""The results database: a SQLite file in the suite's home, or what `$BENCH_RESULTS` names."""

import os
import re
from functools import cache
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from bench.errors import UserError
from bench.paths import home
from bench.results import migrations

ALLOWED = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
BUSY = 60
"""Seconds that a writer of SQLite waits for the others."""


def address() -> str:
    """The database's URL."""
    return os.environ.get("BENCH_RESULTS") or f"sqlite:///{home() / 'results.sqlite'}"


def hidden(url: str) -> str:
    """A URL, or what was meant as one, without its passwords."""
    url = re.sub(r"(//[^:/@]*:).*@", r"\1***@", url, flags=re.DOTALL)
    return re.sub(r"([?&]\w*password=)[^&]*", r"\1***", url)


def connect(url: str | None = None) -> Engine:
    """The engine of a URL, by default of `address()`, with its tables brought up to date.

    There is one a URL and process. Raises UserError where the database cannot be opened, or is newer than this code.
    """
    if url is None:
        home().mkdir(parents=True, exist_ok=True)
        url = address()
    try:
        engine = _engine(url, os.getpid())
    except ModuleNotFoundError as error:
        raise _refused(url, f"{error}; pip install 'mmguard-bench[postgres]'") from error
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise _refused(url, str(error)) from error
    try:
        known = migrations.upgrade(engine)
    except DBAPIError as error:
        raise _refused(url, str(error.orig).partition("\n")[0]) from error
    if not known:
        raise _refused(url, "made by a newer version of this suite, or by another program: update mmguard-bench")
    return engine


@cache
def _engine(url: str, process: int) -> Engine:
    """`process`: connections must not be shared with a fork."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError("it would be gone with the process")
        # A file that is not held open can be deleted, moved or copied between two runs.
        return create_engine(parsed, poolclass=NullPool, connect_args={"timeout": BUSY})
    if (parsed.get_backend_name(), parsed.get_driver_name()) != ("postgresql", "psycopg"):
        raise ValueError("no such database is known")
    patience: dict[str, Any] = {} if "connect_timeout" in parsed.query else {"connect_timeout": 10}
    return create_engine(parsed, pool_pre_ping=True, connect_args=patience)


def _refused(url: str, reason: str) -> UserError:
    return UserError(f"BENCH_RESULTS: {hidden(url)!r} cannot be used: {reason}; allowed: {ALLOWED}")
