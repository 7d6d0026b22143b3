"""The results database: a SQLite file in the suite's home, or the database that `$BENCH_RESULTS` names."""

import os
import re
from functools import cache

from sqlalchemy import Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from bench.errors import UserError
from bench.paths import home
from bench.results import migrations

ALLOWED = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
BUSY_TIMEOUT = 60
"""Seconds that a writer of SQLite waits for other writers."""


def database_url() -> str:
    """Return the URL of the database."""
    return os.environ.get("BENCH_RESULTS") or f"sqlite:///{home() / 'results.sqlite'}"


def hide_passwords(url: str) -> str:
    """Return a URL, well-formed or not, with its passwords replaced by asterisks.

    >>> hide_passwords("postgresql://me:secret@host/db?sslpassword=secret")
    'postgresql://me:***@host/db?sslpassword=***'
    """
    url = re.sub(r"(//[^:/@]*:).*@", r"\1***@", url, flags=re.DOTALL)
    return re.sub(r"([?&]\w*password=)[^&]*", r"\1***", url)


def connect(url: str | None = None) -> Engine:
    """Return the engine of a URL, by default of `database_url()`, after bringing its tables up to date.

    A process has one engine for each URL. Raises UserError where the database cannot be opened, or where it was made by
    a newer version of the suite.
    """
    if url is None:
        home().mkdir(parents=True, exist_ok=True)
        url = database_url()
    try:
        engine = _open_engine(url, os.getpid())
    except ModuleNotFoundError as error:
        raise _url_error(url, f"{error}; pip install 'mmguard-bench[postgres]'") from error
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise _url_error(url, str(error)) from error
    try:
        is_current = migrations.upgrade(engine)
    except DBAPIError as error:
        raise _url_error(url, str(error.orig).partition("\n")[0]) from error
    if not is_current:
        raise _url_error(url, "made by a newer version of this suite, or by another program: update mmguard-bench")
    return engine


@cache
def _open_engine(url: str, process: int) -> Engine:
    """Return an engine. `process` is part of the cache key, because a fork must not share connections."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError("it would be gone with the process")
        # A file that is not held open can be deleted, moved or copied between two runs.
        return create_engine(parsed, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT})
    if (parsed.get_backend_name(), parsed.get_driver_name()) != ("postgresql", "psycopg"):
        raise ValueError("no such database is known")
    arguments = {} if "connect_timeout" in parsed.query else {"connect_timeout": 10}
    return create_engine(parsed, pool_pre_ping=True, connect_args=arguments)


def _url_error(url: str, reason: str) -> UserError:
    return UserError(f"BENCH_RESULTS: {hide_passwords(url)!r} cannot be used: {reason}; allowed: {ALLOWED}")
