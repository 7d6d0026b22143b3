"""Add what a run is compared with under protocol 2; null in older runs."""

import sqlalchemy as sa
from alembic import op

revision = "0005_baselines"
down_revision = "0004_curves_and_effects"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("runs", sa.Column("baselines", sa.JSON))
    op.add_column("runs", sa.Column("validation_clean", sa.Double))
