"""The table of runs in SQL, one row for each run: save, find and load them."""

import logging
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from sqlalchemy import JSON, DateTime, Dialect, Engine, Select, String, TypeDecorator, inspect, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench.results.database import NoDatabase, connect, errors_as_one_line
from bench.scoring.matching import EVALUATOR
from bench.scoring.protection import choose_baseline
from bench.spec import PROTOCOL

LOG = logging.getLogger(__name__)


class UtcDateTime(TypeDecorator[datetime]):
    """A time that is stored from any zone and loaded in UTC. SQLite stores no zone; PostgreSQL returns its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC. A time without a zone is local time of this machine."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC. A time without a zone is in UTC already."""
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


class Base(DeclarativeBase):
    """Base class of the tables."""


class Run(Base):
    """A finished run.

    utility_zero, utility_clean, utility: accuracies in 0..1 on the test split: before training, after the same attack
    on clean data, and after the attack on the release. validation_clean, validation: those of the last two on the
    trainer's own questions, by which a trainer chooses.
    baselines: accuracies on `test` and `validation` of what knows nothing of the release's content, by role (see
    `bench.play.roles.BASELINES`).
    protection, protection_low, protection_high: the score and its 95 % interval, of this seed alone.
    surrogates: names of the owner's models, separated by commas; None in rows older than this column.
    stages: identities of artefacts by role: protect, attack, evaluate, and those of the references.
    curve: accuracies along the attack's training, where they were requested (see `bench.scoring.learning_curve`).
    effects: effects of the training on other tasks, by task (see `bench.play.side_effects`).
    code: the version of the suite. It, baselines and validation_clean are None in rows older than these columns.

    A row of another `protocol` or `evaluator` than the current one is in quarantine: kept, but never compared. `code`
    quarantines nothing: a release that changes no number must not discard thousands of runs, and a release that changes
    numbers raises the other two, or changes the identities of the stages.
    """

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    protocol: Mapped[int]
    evaluator: Mapped[int]
    code: Mapped[str | None]
    defense: Mapped[str] = mapped_column(index=True)
    defense_options: Mapped[dict[str, Any]] = mapped_column(JSON)
    attack: Mapped[str] = mapped_column(index=True)
    attack_options: Mapped[dict[str, Any]] = mapped_column(JSON)
    dataset: Mapped[str]
    victim: Mapped[str]
    threat: Mapped[str]
    surrogates: Mapped[str | None]
    seed: Mapped[int]
    epsilon: Mapped[int]
    words: Mapped[int]
    utility_zero: Mapped[float]
    utility_clean: Mapped[float]
    utility: Mapped[float]
    validation: Mapped[float]
    validation_clean: Mapped[float | None]
    baselines: Mapped[dict[str, dict[str, float]] | None] = mapped_column(JSON(none_as_null=True))
    protection: Mapped[float | None]
    protection_low: Mapped[float | None]
    protection_high: Mapped[float | None]
    eligible: Mapped[bool]
    stealth: Mapped[dict[str, Any]] = mapped_column(JSON)
    cost: Mapped[dict[str, Any]] = mapped_column(JSON)
    stages: Mapped[dict[str, str]] = mapped_column(JSON)
    provenance: Mapped[dict[str, Any]] = mapped_column(JSON)
    curve: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    effects: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    command: Mapped[str]
    created: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def utility_baseline(self) -> float:
        """The test accuracy of the baseline that is best on validation. Raises ValueError in rows without baselines."""
        baselines = self.baselines or {}
        return baselines[choose_baseline(baselines)]["test"]

    @property
    def quarantine(self) -> str:
        """The reason why the run is never compared; "" where it may be compared."""
        versions = (("protocol", self.protocol, PROTOCOL), ("evaluator", self.evaluator, EVALUATOR))
        differences = [version for version in versions if version[1] != version[2]]
        return ", ".join(f"{name} {value}, current is {current}" for name, value, current in differences)


def save(run: Run, engine: Engine | None = None) -> None:
    """Insert a run, or replace the row of the same identity, in one statement: other processes may write meanwhile.

    Raises UserError where the database cannot be written to, or where another process holds it for too long.
    """
    engine = engine or connect()
    values = {column.name: getattr(run, column.name) for column in Run.__table__.columns}
    insert = import_module(f"sqlalchemy.dialects.{engine.dialect.name}").insert(Run).values(values)
    with errors_as_one_line(), engine.begin() as connection:
        connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=values))


def find(identity: str, engine: Engine | None = None) -> Run | None:
    """Return the run of this identity; None where it is not recorded, in quarantine, or cannot be read."""
    runs = _select(select(Run).where(Run.id == identity), engine)
    return runs[0] if runs and not runs[0].quarantine else None


def load(engine: Engine | None = None, *, quarantined: bool = False) -> list[Run]:
    """Return the runs that may be compared, oldest first; with `quarantined` also those in quarantine.

    A row that cannot be read is left out with a warning.
    """
    query = select(Run).order_by(Run.created, Run.id)
    if not quarantined:
        query = query.where(Run.protocol == PROTOCOL, Run.evaluator == EVALUATOR)
    return _select(query, engine)


def _select(query: Select[Run], engine: Engine | None) -> list[Run]:
    try:
        engine = engine or connect()
    except NoDatabase:
        return []
    with errors_as_one_line(), Session(engine, expire_on_commit=False) as session:
        try:
            runs = list(session.scalars(query))
        except UNREADABLE:
            runs = []
            names = list(session.scalars(query.with_only_columns(Run.id)))
            for name in names:
                try:
                    runs += session.scalars(select(Run).where(Run.id == name))
                except UNREADABLE:
                    continue
        else:
            names = [run.id for run in runs]
    whole = [run for run in runs if _is_whole(run)]
    if lost := sorted(set(names) - {run.id for run in whole}):
        LOG.warning(
            "results: %d of %d rows cannot be read and are left out; the first is %r", len(lost), len(names), lost[0]
        )
    return whole


UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
"""Errors of a value that is no JSON, or no time."""


def _is_whole(run: Run) -> bool:
    """Return True if every column has a value of its type. SQLite stores any value in any column."""
    try:
        _row_model().model_validate({column.key: getattr(run, column.key) for column in inspect(Run).columns})
    except ValidationError:
        return False
    return True


@cache
def _row_model() -> type[BaseModel]:
    hints = get_type_hints(Run)
    fields: dict[str, Any] = {column.key: (get_args(hints[column.key])[0], ...) for column in inspect(Run).columns}
    return create_model("Row", __config__=ConfigDict(strict=True), **fields)
