"""The first version of the store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _reports()
    _counts()
    _spans()
    _gaps()
    _cursors()
    _series()
    _checkpoints()
    _incidents()
    _transitions()
    _tombstones()
    _meta()


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("author", sa.String(32), nullable=True),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("is_repost", sa.Boolean(), nullable=False),
        sa.Column("symptoms", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=True),
        sa.Column("user_location", sa.Text(), nullable=True),
        sa.Column("geo", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("created_at", "platform", "post_id", "service"),
        sqlite_with_rowid=False,
    )
    op.create_index("reports_post", "reports", ["platform", "post_id", "service"], unique=True)


def _counts() -> None:
    op.create_table(
        "counts",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("bin_width_s", sa.Integer(), nullable=False),
        sa.Column("bin_at", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.Float(), nullable=False),
        sa.Column("authors", sa.Integer(), nullable=True),
        sa.Column("observed", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("service", "source", "bin_width_s", "bin_at"),
        sqlite_with_rowid=False,
    )


def _spans() -> None:
    op.create_table(
        "spans",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("coverage", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("source", "scope", "start_at"),
        sqlite_with_rowid=False,
    )


def _gaps() -> None:
    op.create_table(
        "gaps",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "query", "start_at", "end_at"),
        sqlite_with_rowid=False,
    )


def _cursors() -> None:
    op.create_table(
        "cursors",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "query"),
        sqlite_with_rowid=False,
    )


def _series() -> None:
    op.create_table(
        "series",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("bin_width_s", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("phase_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_from", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("service", "source", "bin_width_s"),
        sqlite_with_rowid=False,
    )


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("bin_width_s", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("service", "source", "bin_width_s"),
        sqlite_with_rowid=False,
    )


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("bin_width_s", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("onset_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("incidents_series", "incidents", ["service", "source", "bin_width_s", "is_open"])


def _transitions() -> None:
    op.create_table(
        "transitions",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "revision"),
        sqlite_with_rowid=False,
    )


def _tombstones() -> None:
    op.create_table(
        "tombstones",
        sa.Column("post", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("post"),
        sqlite_with_rowid=False,
    )


def _meta() -> None:
    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
