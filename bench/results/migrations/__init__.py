"""Migrations: steps that bring a results database of any earlier version of the suite up to date.

A step is a file in `versions`. Its file name is its revision, and the newest name is the revision of an up-to-date
database.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

FOLDER = Path(__file__).parent
LOCK = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(2605142910)"}
"""Statements that make other processes wait for the end of this transaction when they open the same database."""


def list_steps() -> list[str]:
    """Return the names of the steps in order."""
    return sorted(file.stem for file in (FOLDER / "versions").glob("[0-9]*.py"))


def read_revision(connection: Connection) -> str | None:
    """Return the last step that was run on a database; None for an empty one, or one older than the first step."""
    query = text("SELECT version_num FROM alembic_version")
    revision: str | None
    try:
        revision = connection.scalar(query)
    except DBAPIError:  # asking first whether the table exists would take longer than all the rest
        connection.rollback()
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision = connection.scalar(query)  # another process has created the table; any other error is raised again
    return revision


def upgrade(engine: Engine) -> bool:
    """Run the missing steps: all of them or none. Return False, and change nothing, for an unknown revision."""
    with engine.connect() as connection:
        revision, steps = read_revision(connection), list_steps()
    if revision == steps[-1]:
        return True
    if revision is not None and revision not in steps:
        return False
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:  # not possible within a transaction; the file remembers it
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    with engine.begin() as connection:
        connection.exec_driver_sql(LOCK[engine.dialect.name])
        _run_steps(connection)
    return True


def _run_steps(connection: Connection) -> None:
    from alembic import command  # takes 0.1 s, which a database that is up to date saves
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
