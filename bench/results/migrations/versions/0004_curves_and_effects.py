"""Add accuracies along an attack's training and on other tasks; null where not requested, and for older runs."""

import sqlalchemy as sa
from alembic import op

revision = "0004_curves_and_effects"
down_revision = "0003_surrogates"


def upgrade() -> None:
    """Add the columns."""
    for name in ("curve", "effects"):
        op.add_column("runs", sa.Column(name, sa.JSON))
