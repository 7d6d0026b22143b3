"""Named steps that bring a results database, whatever version of the suite made it, to the tables of this one.

A step is a file of `versions`, and its name is its revision. The newest name is where a database has to be.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

FOLDER = Path(__file__).parent
LOCK = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(2605142910)"}
"""Makes other processes that open the same database wait until this transaction is over."""


def names() -> list[str]:
    """The steps in order."""
    return sorted(file.stem for file in (FOLDER / "versions").glob("[0-9]*.py"))


def revision(connection: Connection) -> str | None:
    """The last step that a database took; None for one that is empty or from before there were steps."""
    last = text("SELECT version_num FROM alembic_version")
    try:
        return connection.scalar(last)
    except DBAPIError:  # to ask for the table first would take longer than all the rest
        connection.rollback()
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.scalar(last)  # another process has made it since; any other error comes again


def upgrade(engine: Engine) -> bool:
    """Take the steps that are missing, all or none. False, and nothing done, where the last one taken is not known."""
    with engine.connect() as connection:
        found, known = revision(connection), names()
    if found == known[-1]:
        return True
    if found is not None and found not in known:
        return False
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:  # not possible within a transaction; the file keeps it
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    with engine.begin() as connection:
        connection.exec_driver_sql(LOCK[engine.dialect.name])
        _steps(connection)
    return True


def _steps(connection: Connection) -> None:
    from alembic import command  # 0.1 s that a database which is up to date need not wait for
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
