"""The results database: a SQLite file in the suite's home, or the database that `$BENCH_RESULTS` names."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from bench.errors import HIDDEN, UserError, hide_secrets
from bench.paths import home, make_home
from bench.results import migrations

ALLOWED = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
VARIABLE = "BENCH_RESULTS"
BUSY_TIMEOUT = 60
"""Seconds that SQLite waits for other writers; `?timeout=5` at the end of a URL sets another number."""


class NoDatabase(UserError):
    """There is no database yet, and none can be made: the home cannot be written to."""


def database_url() -> str:
    """Return the URL of the database."""
    return os.environ.get(VARIABLE) or _home_url().render_as_string(hide_password=False)


def _home_url() -> URL:
    return URL.create("sqlite", database=str(home() / "results.sqlite"))


def hide_passwords(url: str) -> str:
    """Return a URL, well-formed or not, with its passwords replaced by asterisks.

    >>> hide_passwords("postgresql://me:secret@host/db?sslpassword=secret")
    'postgresql://me:***@host/db?sslpassword=***'
    """
    url = re.sub(r"(//[^:/@]*:).*@", rf"\1{HIDDEN}@", url, flags=re.DOTALL)
    url = re.sub(r"(?i)([?&]\w*(?:password|pwd|secret|token|key)=)[^&]*", rf"\1{HIDDEN}", url)
    return hide_secrets(url)


def connect(url: str | None = None) -> Engine:
    """Return the engine of a URL, by default of `$BENCH_RESULTS` or the home, after bringing its tables up to date.

    A process has one engine for each URL. A SQLite file that cannot be written to is read as it is. Raises UserError
    where the database cannot be opened, or where it was made by a newer version of the suite, and NoDatabase where a
    home that cannot be written to has none.
    """
    address = url or os.environ.get(VARIABLE) or _home_url()
    if isinstance(address, URL):
        _prepare_home()
    engine = open_engine(address)
    with errors_as_one_line(address):
        is_current = migrations.upgrade(engine)
    if not is_current:
        reason = "made by a newer version of this suite, or by another program: update mmguard-bench"
        raise _url_error(address, reason)
    return engine


def open_engine(address: str | URL) -> Engine:
    """Return the engine of a URL as it is: nothing is made, and no table changed. Raises UserError for a bad URL."""
    try:
        return _open_engine(address, os.getpid())
    except ModuleNotFoundError as error:
        raise _url_error(address, f"{error}; pip install 'mmguard-bench[postgres]'") from error
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise _url_error(address, str(error)) from error


def read_state(url: str | None = None) -> tuple[object, ...]:
    """Return what changes whenever a row of the database at a URL is written, without reading rows.

    Of SQLite it is the state of the file; of PostgreSQL the number of rows and the transactions that wrote them: their
    sum, too, since one that began early may be the last to end.
    Raises UserError as `connect` does.
    """
    address = url or database_url()
    parsed = make_url(address)
    if parsed.get_backend_name() == "sqlite":
        files = [Path(f"{parsed.database}{ending}") for ending in ("", "-wal")]
        states = [file.stat() if file.is_file() else None for file in files]
        return tuple(state and (state.st_ino, state.st_size, state.st_mtime_ns) for state in states)
    with errors_as_one_line(address), connect(url).connect() as connection:
        written = "SELECT count(*), max(xmin::text::bigint), sum(xmin::text::bigint) FROM runs"
        return tuple(connection.execute(text(written)).one())


@contextmanager
def errors_as_one_line(address: str | URL | None = None) -> Iterator[None]:
    """Raise UserError in place of any error of a database in this context. It names the database and the reason."""
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]
        if isinstance(error, OperationalError) and "database is locked" in reason:
            reason += ": another process has held it all the time; finished stages are kept, try again when it is free"
        raise _url_error(address or os.environ.get(VARIABLE) or _home_url(), reason) from error


def _prepare_home() -> None:
    """Create the home. Raises NoDatabase where it is there, has no database, and cannot be written to."""
    file = home() / "results.sqlite"
    if not file.exists():
        try:
            make_home()
        except UserError as error:
            if home().is_dir():
                raise NoDatabase(str(error)) from error
            raise
    elif _is_writable(file):
        make_home()


def _is_writable(file: Path) -> bool:
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


@cache
def _open_engine(address: str | URL, process: int) -> Engine:
    """Return an engine. `process` is part of the cache key, because a fork must not share connections."""
    parsed = make_url(address)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError("it would be gone with the process")
        # A file that is not held open can be deleted, moved or copied between two runs.
        arguments = {} if "timeout" in parsed.query else {"timeout": BUSY_TIMEOUT}
        engine = create_engine(parsed, poolclass=NullPool, connect_args=arguments)
        event.listen(engine, "do_connect", lambda *_: _open_read_only(Path(str(parsed.database))))
        return engine
    if (parsed.get_backend_name(), parsed.get_driver_name()) != ("postgresql", "psycopg"):
        raise ValueError("no such database is known")
    arguments = {} if "connect_timeout" in parsed.query else {"connect_timeout": 10}
    return create_engine(parsed, pool_pre_ping=True, connect_args=arguments)


def _open_read_only(file: Path) -> sqlite3.Connection | None:
    """Open a database that cannot be written to: SQLite cannot make the files of its log there. None for any other."""
    if not file.is_file() or _is_writable(file):
        return None
    has_log = file.with_name(f"{file.name}-wal").exists()
    query = "mode=ro" if has_log else "mode=ro&immutable=1"
    return sqlite3.connect(f"file:{quote(str(file.resolve()))}?{query}", uri=True, timeout=BUSY_TIMEOUT)


def _url_error(address: str | URL, reason: str) -> UserError:
    if isinstance(address, URL):
        return UserError(f"results: {address.database!r} cannot be used: {hide_secrets(reason)}")
    text = f"{hide_passwords(address)!r} cannot be used: {hide_secrets(reason)}"
    return UserError(f"{VARIABLE}: {text}; allowed: {ALLOWED}")
