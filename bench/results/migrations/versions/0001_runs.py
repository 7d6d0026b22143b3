"""Create the table of runs. Databases older than the first step have it already, and are taken over as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0001_runs"
down_revision = None


def upgrade() -> None:
    """Create the table and its indices."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("protocol", sa.Integer, nullable=False),
        sa.Column("evaluator", sa.Integer, nullable=False),
        sa.Column("defense", sa.String, nullable=False),
        sa.Column("defense_options", sa.JSON, nullable=False),
        sa.Column("attack", sa.String, nullable=False),
        sa.Column("attack_options", sa.JSON, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("victim", sa.String, nullable=False),
        sa.Column("threat", sa.String, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("epsilon", sa.Integer, nullable=False),
        sa.Column("words", sa.Integer, nullable=False),
        sa.Column("utility_zero", sa.Double, nullable=False),
        sa.Column("utility_clean", sa.Double, nullable=False),
        sa.Column("utility", sa.Double, nullable=False),
        sa.Column("validation", sa.Double, nullable=False),
        sa.Column("protection", sa.Double),
        sa.Column("protection_low", sa.Double),
        sa.Column("protection_high", sa.Double),
        sa.Column("eligible", sa.Boolean, nullable=False),
        sa.Column("stealth", sa.JSON, nullable=False),
        sa.Column("cost", sa.JSON, nullable=False),
        sa.Column("stages", sa.JSON, nullable=False),
        sa.Column("provenance", sa.JSON, nullable=False),
        sa.Column("command", sa.String, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
    for name in ("defense", "attack"):
        op.create_index(f"ix_runs_{name}", "runs", [name], if_not_exists=True)
