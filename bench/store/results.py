"""One row a run, in SQL: what the tables and the leaderboard read."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Engine, String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench.paths import home


class Base(DeclarativeBase):
    """The tables."""


class Run(Base):
    """A finished run.

    Utilities are accuracies in 0..1 on the test split; `protection` with its 95 % interval is of this seed alone.
    `stages` maps protect, attack, evaluate and the references zero and clean to artefact identities.
    """

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    protocol: Mapped[int]
    evaluator: Mapped[int]
    defense: Mapped[str] = mapped_column(index=True)
    defense_options: Mapped[dict[str, Any]] = mapped_column(JSON)
    attack: Mapped[str] = mapped_column(index=True)
    attack_options: Mapped[dict[str, Any]] = mapped_column(JSON)
    dataset: Mapped[str]
    victim: Mapped[str]
    threat: Mapped[str]
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
    command: Mapped[str]
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def connect(url: str | None = None) -> Engine:
    """The results database: `results.sqlite` in the suite's home, or any SQLAlchemy URL."""
    if url is None:
        home().mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{home() / 'results.sqlite'}"
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    return engine


def save(run: Run, engine: Engine | None = None) -> None:
    """Insert a run, or replace the row of the same identity."""
    with Session(engine or connect()) as session, session.begin():
        session.merge(run)


def find(key: str, engine: Engine | None = None) -> Run | None:
    """The run of an identity, if it was played."""
    with Session(engine or connect(), expire_on_commit=False) as session:
        return session.get(Run, key)


def load(engine: Engine | None = None) -> list[Run]:
    """Every run, oldest first."""
    with Session(engine or connect(), expire_on_commit=False) as session:
        return list(session.scalars(select(Run).order_by(Run.created, Run.id)))
