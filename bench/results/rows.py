"""One row a run, in SQL: what the tables and the leaderboard read."""

from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Engine, String, TypeDecorator, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench.results.database import connect
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL


class Moment(TypeDecorator[datetime]):
    """A time that goes in with any zone and comes out in UTC: SQLite keeps no zone, PostgreSQL gives its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Into UTC; a time without a zone is one of this machine's."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What comes without a zone is UTC."""
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


class Base(DeclarativeBase):
    """The tables."""


class Run(Base):
    """A finished run.

    Utilities are accuracies in 0..1 on the test split; `protection` with its 95 % interval is of this seed alone.
    `surrogates` are the owner's models by name, with commas (None: from before they were kept). `stages` maps protect,
    attack, evaluate and the references zero and clean to artefact identities. `curve`: accuracies along the attack's
    training, for those that ask for it (see `bench.scoring.learning_curve`). `effects`: what the training did to other tasks, by
    task (see `bench.play.side_effects`).

    A row of another `protocol` or `evaluator` than the current ones is in quarantine: kept, but never compared. `code`,
    the suite's version (None: from before it was kept), quarantines nothing: a release that changes no number must not
    throw away thousands of runs, and one that changes them raises the other two or the identities of the stages.
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
    created: Mapped[datetime] = mapped_column(Moment)

    @property
    def quarantine(self) -> str:
        """Why the run is never compared, or ""."""
        versions = (("protocol", self.protocol, PROTOCOL), ("evaluator", self.evaluator, EVALUATOR))
        return ", ".join(f"{name} {own}, current is {now}" for name, own, now in versions if own != now)


def save(run: Run, engine: Engine | None = None) -> None:
    """Insert a run, or replace the row of the same identity: one statement, whoever else is writing."""
    engine = engine or connect()
    values = {column.name: getattr(run, column.name) for column in Run.__table__.columns}
    insert = import_module(f"sqlalchemy.dialects.{engine.dialect.name}").insert(Run).values(values)
    with engine.begin() as connection:
        connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=values))


def find(key: str, engine: Engine | None = None) -> Run | None:
    """The run of an identity, if it was played and is not in quarantine."""
    with Session(engine or connect(), expire_on_commit=False) as session:
        run = session.get(Run, key)
    return run if run is not None and not run.quarantine else None


def load(engine: Engine | None = None, *, quarantined: bool = False) -> list[Run]:
    """The runs that may be compared, oldest first; `quarantined`: and those in quarantine."""
    query = select(Run).order_by(Run.created, Run.id)
    if not quarantined:
        query = query.where(Run.protocol == PROTOCOL, Run.evaluator == EVALUATOR)
    with Session(engine or connect(), expire_on_commit=False) as session:
        return list(session.scalars(query))
