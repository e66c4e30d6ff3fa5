"""Which series there are, what they are made of, and from where on they have changed since they were scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, exists, or_, select, update

from detectors.errors import StoreError
from detectors.model import SeriesKey
from flows.store.rows import put_new
from flows.store.schema import checkpoints, series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import BindParameter, ColumnElement, Connection

EVERYTHING = "*"
"""The scope of a source that sees every service."""

POSTS, COUNTS = "posts", "counts"
"""What the counts of a series were made of."""

DEFAULT_WIDTH_S = 60
"""Width of the bins of a source of which nothing was ever counted."""

# Asked in every commit, and so put together once.
_OTHER_WIDTH = (
    select(series.c.bin_width_s)
    .where(
        series.c.source == bindparam("a_source"),
        series.c.origin == "posts",
        series.c.bin_width_s != bindparam("a_width"),
    )
    .limit(1)
)
_MADE_OTHERWISE = select(series.c.service, series.c.origin).where(
    series.c.source == bindparam("a_source"),
    or_(
        series.c.origin != bindparam("an_origin"),  # whatever the width: posts beside counts are not to be counted
        and_(series.c.bin_width_s == bindparam("a_width"), series.c.phase_us != bindparam("a_phase")),
    ),
)
_SCORED_AFTER = select(checkpoints.c.at).where(checkpoints.c.at > bindparam("first_us")).limit(1)
_SCORED_OF = select(checkpoints.c.service, checkpoints.c.source, checkpoints.c.bin_width_s).where(
    checkpoints.c.source == bindparam("a_source"), checkpoints.c.at > bindparam("first_us")
)


def bound_series(table: Any) -> tuple[ColumnElement[bool], ...]:  # noqa: ANN401 - any of the tables
    """Return the conditions that pick out the series that :func:`named` names: for statements put together once."""
    return (
        table.c.service == bindparam("a_service"),
        table.c.source == bindparam("a_source"),
        table.c.bin_width_s == bindparam("a_width"),
    )


_BOUND_SERIES = bound_series(series)


def named(key: SeriesKey) -> dict[str, Any]:
    """Return the parameters of :func:`bound_series`."""
    return {"a_service": key.service, "a_source": key.source, "a_width": key.bin_width_s}


def is_series(table: Any, key: SeriesKey) -> tuple[ColumnElement[bool], ...]:  # noqa: ANN401 - any of the tables
    """Return the conditions that pick a series out of a table."""
    return table.c.service == key.service, table.c.source == key.source, table.c.bin_width_s == key.bin_width_s


def enter(connection: Connection, changed: Mapping[SeriesKey, int | None], origin: str, phase_us: int = 0) -> None:
    """Note that series exist and what they are made of, and mark from where on they have changed, if they have.

    Raises
    ------
    StoreError
        The counts of a series would come from two origins, or its bins would not lie on one grid.
    """
    put_new(
        connection,
        series,
        [_series_row(key, origin, phase_us) for key in changed],
    )
    for source, width in {(key.source, key.bin_width_s) for key in changed}:
        which = {"a_source": source, "a_width": width, "an_origin": origin, "a_phase": phase_us}
        for service, other in connection.execute(_MADE_OTHERWISE, which):
            if SeriesKey(service, source, width) in changed:
                raise StoreError(
                    f"{service} from {source} is already stored, made of {other} or with bins that start at "
                    "other seconds; give this source another name"
                )
    mark(connection, {key: first_us for key, first_us in changed.items() if first_us is not None})


def _series_row(key: SeriesKey, origin: str, phase_us: int) -> dict[str, Any]:
    """Return the row of a series that is new."""
    return {
        "service": key.service,
        "source": key.source,
        "bin_width_s": key.bin_width_s,
        "origin": origin,
        "phase_us": phase_us,
    }


def width_of(connection: Connection, source: str) -> int:
    """Return the width (s) of the bins in which the posts of a source are counted; else, its counts."""
    query = select(series.c.origin != POSTS, series.c.bin_width_s).where(series.c.source == source)
    widths = sorted(tuple(row) for row in connection.execute(query.distinct()))
    return int(widths[0][1]) if widths else DEFAULT_WIDTH_S


def one_width(connection: Connection, source: str, bin_width_s: int) -> None:
    """Refuse to count the posts of a source in bins of two widths: the older would no longer be kept up.

    Raises
    ------
    StoreError
        The source is stored in bins of another width.
    """
    other = connection.execute(_OTHER_WIDTH, {"a_source": source, "a_width": bin_width_s}).scalar()
    if other is not None:
        raise StoreError(
            f"the posts of {source} are stored in bins of {other} s, not {bin_width_s} s; "
            "keep to that width ([watch] bin_width_s), or name another store"
        )


def mark(connection: Connection, changed: Mapping[SeriesKey, int]) -> None:
    """Note from where on series have changed, where that reaches back into bins already scored."""
    if not changed:
        return
    if connection.execute(_SCORED_AFTER, {"first_us": min(changed.values())}).first() is None:
        return  # as in most commits: what comes in is new
    first_us: BindParameter[int] = bindparam("first_us")
    was_scored = exists().where(
        checkpoints.c.service == series.c.service,
        checkpoints.c.source == series.c.source,
        checkpoints.c.bin_width_s == series.c.bin_width_s,
        checkpoints.c.at > first_us,
    )
    statement = (
        update(series)
        .where(
            *_BOUND_SERIES,
            was_scored,
            or_(series.c.changed_from.is_(None), series.c.changed_from > first_us),
        )
        .values(changed_from=first_us)
    )
    connection.execute(
        statement,
        [
            {"a_service": key.service, "a_source": key.source, "a_width": key.bin_width_s, "first_us": at_us}
            for key, at_us in changed.items()
        ],
    )


def mark_observed(connection: Connection, source: str, changed: Mapping[str, int]) -> None:
    """Mark the series of a source whose observed time has changed.

    An ordinary step forward, into time that nobody has scored, concerns none of them.

    Parameters
    ----------
    changed
        From where on (microseconds), by service; :data:`EVERYTHING` for all that are not named.
    """
    scored = connection.execute(_SCORED_OF, {"a_source": source, "first_us": min(changed.values())})
    concerned = {
        SeriesKey(*row): first_us
        for row in scored
        if (first_us := changed.get(row.service, changed.get(EVERYTHING))) is not None
    }
    # A service that was watched and scored before it was ever reported has no series to mark yet.
    put_new(connection, series, [_series_row(key, POSTS, 0) for key in concerned])
    mark(connection, concerned)


def settle(connection: Connection, keys: Iterable[SeriesKey], *, is_stale: bool) -> None:
    """Clear the marks of series that have just been scored; where more came in meanwhile, have them scored again."""
    which = [
        {"a_service": key.service, "a_source": key.source, "a_width": key.bin_width_s, "mark": 0 if is_stale else None}
        for key in keys
    ]
    if which:
        statement = update(series).where(*_BOUND_SERIES).values(changed_from=bindparam("mark"))
        connection.execute(statement, which)
