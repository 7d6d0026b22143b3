"""Add the owner's surrogates of a run: their names, separated by commas; null for older runs."""

import sqlalchemy as sa
from alembic import op

revision = "0003_surrogates"
down_revision = "0002_code_version"


def upgrade() -> None:
    """Add the column."""
    op.add_column("runs", sa.Column("surrogates", sa.String))
