"""What official status pages said, and when they were read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add tables; no row is touched."""
    op.create_table(
        "status_revisions",
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("update_id", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("page", "incident_id", "update_id", "seen_at", "sha256"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "status_services",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("service", "page", "incident_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "status_watch",
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("page", "start_at"),
        sqlite_with_rowid=False,
    )
