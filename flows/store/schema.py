"""The tables. Instants are microseconds since 1970 (UTC), records are JSON.

No wall clock enters them, but for ``feeds``, ``faults`` and ``ledger``, which say when *we* did or noticed something.

A change here needs a migration in ``migrations/versions``; a test compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

metadata = MetaData()


def _key(name: str, kind: type[TypeEngine[Any]] = Text) -> Column[Any]:
    """Return a column of a primary key."""
    return Column(name, kind, primary_key=True, autoincrement=False)


# Time comes first in the key: reports arrive roughly in order of time, so that rows are appended, not scattered.
# WITHOUT ROWID keeps one tree instead of two.
reports = Table(
    "reports",
    metadata,
    _key("created_at", BigInteger),
    _key("platform"),
    _key("post_id"),
    _key("service"),
    Column("source", Text, nullable=False),
    Column("author", String(32)),
    Column("weight", Float, nullable=False),
    Column("label", Text, nullable=False),
    Column("is_repost", Boolean, nullable=False),
    Column("symptoms", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("lang", Text),
    Column("user_location", Text),
    Column("geo", Text),
    Column("regions", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
# The first delivery of a post wins: one that comes again, changed or not, meets this index.
Index("reports_post", reports.c.platform, reports.c.post_id, reports.c.service, unique=True)

counts = Table(
    "counts",
    metadata,
    _key("service"),
    _key("source"),
    _key("bin_width_s", Integer),
    _key("bin_at", BigInteger),
    Column("raw", Float, nullable=False),
    Column("authors", Integer),
    Column("observed", Float, nullable=False),
    sqlite_with_rowid=False,
)

# Voices by region, where that is known; of every level, so that they are not to be added up over levels.
region_counts = Table(
    "region_counts",
    metadata,
    _key("service"),
    _key("source"),
    _key("bin_width_s", Integer),
    _key("bin_at", BigInteger),
    _key("region"),
    Column("observed", Float, nullable=False),
    sqlite_with_rowid=False,
)

# ``scope`` is a service, or "*" where the source saw all of them.
spans = Table(
    "spans",
    metadata,
    _key("source"),
    _key("scope"),
    _key("start_at", BigInteger),
    Column("end_at", BigInteger, nullable=False),
    Column("coverage", Float, nullable=False),
    sqlite_with_rowid=False,
)

gaps = Table(
    "gaps",
    metadata,
    _key("source"),
    _key("query"),
    _key("start_at", BigInteger),
    _key("end_at", BigInteger),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

# ``newest_at`` is the end of the latest time that the query was ever vouched for.
cursors = Table(
    "cursors",
    metadata,
    _key("source"),
    _key("query"),
    Column("cursor", Text, nullable=False),
    Column("newest_at", BigInteger),
    sqlite_with_rowid=False,
)

# ``origin`` says what the counts were made of; ``changed_from`` is the first bin that changed after it was scored.
series = Table(
    "series",
    metadata,
    _key("service"),
    _key("source"),
    _key("bin_width_s", Integer),
    Column("origin", Text, nullable=False),
    Column("phase_us", BigInteger, nullable=False),
    Column("changed_from", BigInteger),
    sqlite_with_rowid=False,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _key("service"),
    _key("source"),
    _key("bin_width_s", Integer),
    Column("at", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# ``record`` is the whole Incident; the columns beside it are what is searched by.
incidents = Table(
    "incidents",
    metadata,
    _key("id"),
    Column("service", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("bin_width_s", Integer, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("onset_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("record", Text, nullable=False),
)
Index("incidents_series", incidents.c.service, incidents.c.source, incidents.c.bin_width_s, incidents.c.is_open)

transitions = Table(
    "transitions",
    metadata,
    _key("incident_id"),
    _key("revision", Integer),
    Column("at", BigInteger, nullable=False),
    Column("old", Text),
    Column("new", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Where incidents are, or were, felt: the whole Spread, as JSON.
spreads = Table("spreads", metadata, _key("incident_id"), Column("record", Text, nullable=False))

# Keyed hashes of posts and accounts that were taken back, so that a second delivery stays forgotten. ``noted_at``: of
# posts that never came, when that was; streams tell of every deletion on their platform, and so these do not stay.
tombstones = Table("tombstones", metadata, _key("post"), Column("noted_at", BigInteger), sqlite_with_rowid=False)

# --- reports whose text and ids were not kept ------------------------------------------------------------------

# What such reports counted in their bins. The key has time before service: a commit asks for few bins, many services.
settled = Table(
    "settled",
    metadata,
    _key("source"),
    _key("bin_width_s", Integer),
    _key("bin_at", BigInteger),
    _key("service"),
    Column("raw", Float, nullable=False),
    Column("authors", Integer, nullable=False),
    Column("observed", Float, nullable=False),
    sqlite_with_rowid=False,
)

# And where from.
settled_regions = Table(
    "settled_regions",
    metadata,
    _key("source"),
    _key("bin_width_s", Integer),
    _key("bin_at", BigInteger),
    _key("service"),
    _key("region"),
    Column("observed", Float, nullable=False),
    sqlite_with_rowid=False,
)

# How many of them named a symptom ("" = none at all), by region ("" = not known).
symptom_counts = Table(
    "symptom_counts",
    metadata,
    _key("source"),
    _key("bin_width_s", Integer),
    _key("bin_at", BigInteger),
    _key("service"),
    _key("region"),
    _key("symptom"),
    Column("n", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Keyed hashes of (post, service), so that a report that comes again after that is not counted again.
past_reports = Table("past_reports", metadata, _key("report"), sqlite_with_rowid=False)

# --- the sources' health, and their cost -----------------------------------------------------------------------

feeds = Table(
    "feeds",
    metadata,
    _key("source"),
    _key("query"),
    Column("label", Text, nullable=False),
    Column("tried_at", BigInteger, nullable=False),
    Column("ok_at", BigInteger),
    Column("failed_since", BigInteger),
    Column("error", Text),
    Column("not_before", BigInteger),
    sqlite_with_rowid=False,
)

# ``service`` is "*" where the whole source is at fault.
faults = Table(
    "faults",
    metadata,
    _key("source"),
    _key("service"),
    _key("kind"),
    _key("began_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("message", Text, nullable=False),
    sqlite_with_rowid=False,
)

# ``month`` is "YYYY-MM" (UTC); ``n`` counts what was charged, ``usd_micro`` is what of it was not given back.
ledger = Table(
    "ledger",
    metadata,
    _key("source"),
    _key("month"),
    _key("what"),
    Column("n", Integer, nullable=False),
    Column("usd_micro", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

meta = Table("meta", metadata, _key("name"), Column("value", Text, nullable=False), sqlite_with_rowid=False)
