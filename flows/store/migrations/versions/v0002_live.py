"""What live sources need: their health and their cost, and counts that outlive the reports they were made of."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add tables; no row is touched."""
    op.add_column("cursors", sa.Column("newest_at", sa.BigInteger(), nullable=True))
    op.add_column("tombstones", sa.Column("noted_at", sa.BigInteger(), nullable=True))
    _settled()
    _past_reports()
    _feeds()
    _faults()
    _ledger()


def _bin() -> list[sa.Column[Any]]:
    return [
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("bin_width_s", sa.Integer(), nullable=False),
        sa.Column("bin_at", sa.BigInteger(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
    ]


def _settled() -> None:
    op.create_table(
        "settled",
        *_bin(),
        sa.Column("raw", sa.Float(), nullable=False),
        sa.Column("authors", sa.Integer(), nullable=False),
        sa.Column("observed", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("source", "bin_width_s", "bin_at", "service"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "symptom_counts",
        *_bin(),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("symptom", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "bin_width_s", "bin_at", "service", "region", "symptom"),
        sqlite_with_rowid=False,
    )


def _past_reports() -> None:
    op.create_table(
        "past_reports",
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("report"),
        sqlite_with_rowid=False,
    )


def _feeds() -> None:
    op.create_table(
        "feeds",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.Column("ok_at", sa.BigInteger(), nullable=True),
        sa.Column("failed_since", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("not_before", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("source", "query"),
        sqlite_with_rowid=False,
    )


def _faults() -> None:
    op.create_table(
        "faults",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "service", "kind", "began_at"),
        sqlite_with_rowid=False,
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("usd_micro", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "month", "what"),
        sqlite_with_rowid=False,
    )
