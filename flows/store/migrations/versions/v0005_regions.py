"""Where reports come from, how many voices there were in each region, and where incidents are felt."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add a column and three tables; reports that are there already say nothing of where they come from."""
    op.add_column("reports", sa.Column("regions", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "region_counts",
        *_columns("service", "source", "bin_width_s", "bin_at", "region"),
        sa.PrimaryKeyConstraint("service", "source", "bin_width_s", "bin_at", "region"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "settled_regions",
        *_columns("source", "bin_width_s", "bin_at", "service", "region"),
        sa.PrimaryKeyConstraint("source", "bin_width_s", "bin_at", "service", "region"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spreads",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id"),
    )


def _columns(*keys: str) -> list[sa.Column[Any]]:
    kinds: dict[str, Any] = {"bin_width_s": sa.Integer(), "bin_at": sa.BigInteger()}
    named = [sa.Column(name, kinds.get(name, sa.Text()), nullable=False) for name in keys]
    return [*named, sa.Column("observed", sa.Float(), nullable=False)]
