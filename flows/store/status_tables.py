"""The tables of official status pages; see :mod:`flows.store.schema` for how instants and records are stored."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, String, Table, Text

from flows.store.schema import metadata

# ``record`` is the whole StatusRevision; the columns beside it are what is searched by. A version comes once for each
# instant at which the page was found to have changed into it.
status_revisions = Table(
    "status_revisions",
    metadata,
    Column("page", Text, primary_key=True),
    Column("incident_id", Text, primary_key=True),
    Column("update_id", Text, primary_key=True),
    Column("seen_at", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", String(64), primary_key=True),
    Column("is_whole", Boolean, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("record", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Which services of the catalogue an incident concerns, or ever did.
status_services = Table(
    "status_services",
    metadata,
    Column("service", Text, primary_key=True),
    Column("page", Text, primary_key=True),
    Column("incident_id", Text, primary_key=True),
    sqlite_with_rowid=False,
)

# From when to when a page was read without a break: outside, what it said is not known.
status_watch = Table(
    "status_watch",
    metadata,
    Column("page", Text, primary_key=True),
    Column("start_at", BigInteger, primary_key=True, autoincrement=False),
    Column("end_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
