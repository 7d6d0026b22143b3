"""Add the version of the suite that made a run; null for older runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002_code_version"
down_revision = "0001_runs"


def upgrade() -> None:
    """Add the column."""
    op.add_column("runs", sa.Column("code", sa.String))
