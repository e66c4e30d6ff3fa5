"""The tables of alerts; see :mod:`flows.store.schema` for how instants and records are stored."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from flows.store.schema import metadata

# One row a message and receiver. ``owner`` names the lease, not only who holds it; ``n_sent`` is how often the receiver
# has taken it; ``trying_since`` is the first attempt since then, ``n_failed`` how many of those have failed.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("incident_id", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("has_posts", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("n_sent", Integer, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("trying_since", BigInteger),
    Column("n_failed", Integer, nullable=False),
    Column("leased_until", BigInteger),
    Column("owner", Text),
    Column("last_error", Text),
    Column("done_at", BigInteger),
)
# A revision is told once, whatever id it comes under; and this is the order in which an incident is told.
Index("deliveries_order", deliveries.c.receiver, deliveries.c.incident_id, deliveries.c.revision, unique=True)
Index("deliveries_due", deliveries.c.state, deliveries.c.receiver, deliveries.c.not_before)
Index("deliveries_incident", deliveries.c.incident_id)

# ``not_before``: the receiver asked to be left alone until then, whatever the message.
receivers = Table(
    "receivers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("disabled_at", BigInteger),
    Column("reason", Text),
    Column("not_before", BigInteger),
    Column("last_ok_at", BigInteger),
    Column("failing_since", BigInteger),
    sqlite_with_rowid=False,
)

silences = Table(
    "silences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("matchers", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("author", Text, nullable=False),
    sqlite_with_rowid=False,
)

acks = Table(
    "acks",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("comment", Text, nullable=False),
    sqlite_with_rowid=False,
)
