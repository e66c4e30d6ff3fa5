"""What was spent on requests that cost money, and the budget that it cannot exceed."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING

from msgspec import Struct
from sqlalchemy import bindparam, func, select

from detectors.errors import InputError, PermanentError
from flows.store.base import Base
from flows.store.privacy import key_text
from flows.store.rows import put
from flows.store.schema import ledger as ledger_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

MICRO = 1_000_000
"""Money is kept in millionths of a dollar: sums of floats would drift."""

_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_SPENT = select(func.sum(ledger_table.c.usd_micro)).where(
    ledger_table.c.source == bindparam("a_source"), ledger_table.c.month == bindparam("a_month")
)
_BOOKED = select(ledger_table.c.n, ledger_table.c.usd_micro).where(
    ledger_table.c.source == bindparam("a_source"),
    ledger_table.c.month == bindparam("a_month"),
    ledger_table.c.what == bindparam("a_what"),
)


class Spent(Struct, frozen=True):
    """What a source has spent on one kind of request in a month (UTC).

    Attributes
    ----------
    n
        How often it was charged.
    usd
        What was charged and not given back, in US dollars.
    """

    source: str
    month: str
    what: str
    n: int
    usd: float


class StoredLedger:
    """The account of one source; a :class:`flows.sources.base.Ledger` that every process shares.

    Parameters
    ----------
    store
        Where the account is.
    source
        Whose it is.
    limit_usd
        What may be spent in one month (UTC), in US dollars.
    now
        Gives the present (aware).
    """

    def __init__(self, store: Base, source: str, limit_usd: float, now: Callable[[], datetime]) -> None:
        self._store = store
        self._source = source
        self._limit_usd = _amount(limit_usd) / MICRO
        self._now = now
        self._month: str | None = None

    def charge(self, what: str, usd: float) -> None:
        """Book money before it is spent, in one transaction: nobody else's charge comes between sum and booking.

        Raises
        ------
        PermanentError
            It would exceed the month's budget; nothing was booked.
        InputError
            Not an amount.
        """
        amount, now = _amount(usd), self._now().astimezone(UTC)
        month = f"{now:%Y-%m}"
        with self._store._writing() as connection:  # noqa: SLF001 - one part of the store to another
            where = {"a_source": key_text(self._source), "a_month": month}
            spent = int(connection.execute(_SPENT, where).scalar() or 0)
            is_enough = spent + amount <= _amount(self._limit_usd)
            if is_enough:
                self._book(connection, month, what, (1, amount))
        if not is_enough:
            raise PermanentError(
                f"the monthly budget of ${self._limit_usd:,.2f} for {self._source} is spent "
                f"(${spent / MICRO:,.2f} so far); raise [{self._source}] budget_usd "
                f"or wait until 1 {_MONTHS[now.month % 12]}"
            )
        self._month = month

    def refund(self, what: str, usd: float) -> None:
        """Give back what was booked and not spent, in the month of the last charge; never more than was booked.

        Raises
        ------
        InputError
            Not an amount.
        """
        amount = _amount(usd)
        month = self._month or f"{self._now().astimezone(UTC):%Y-%m}"
        with self._store._writing() as connection:  # noqa: SLF001 - one part of the store to another
            self._book(connection, month, what, (0, -amount))

    def _book(self, connection: Connection, month: str, what: str, change: tuple[int, int]) -> None:
        """Add (charges, millionths) to a row of the account."""
        row = {"source": key_text(self._source), "month": month, "what": key_text(what)}
        known = connection.execute(_BOOKED, {f"a_{name}": value for name, value in row.items()}).one_or_none()
        n, usd_micro = known or (0, 0)
        put(connection, ledger_table, [{**row, "n": n + change[0], "usd_micro": max(0, usd_micro + change[1])}])


class Ledgers(Base):
    """The accounts of every source."""

    def ledger(self, source: str, limit_usd: float, *, now: Callable[[], datetime]) -> StoredLedger:
        """Return the account of a source.

        Parameters
        ----------
        limit_usd
            What may be spent in one month (UTC), in US dollars.
        now
            Gives the present (aware).

        Raises
        ------
        InputError
            Not an amount.
        """
        return StoredLedger(self, source, limit_usd, now)

    def spending(self, month: str | None = None) -> list[Spent]:
        """Return what was spent in a month (``YYYY-MM``, UTC), or ever, by month, source and kind of request."""
        table = ledger_table
        query = select(table.c.source, table.c.month, table.c.what, table.c.n, table.c.usd_micro)
        if month is not None:
            query = query.where(table.c.month == month)
        with self._reading() as connection:
            rows = sorted(connection.execute(query), key=lambda row: (row.month, row.source, row.what))
        return [Spent(row.source, row.month, row.what, row.n, row.usd_micro / MICRO) for row in rows]


def _amount(usd: float) -> int:
    """Return dollars in millionths.

    Raises
    ------
    InputError
        It is negative or not a number.
    """
    if not isfinite(usd) or usd < 0:
        raise InputError(f"an amount of money must be 0 or more, not {usd}")
    return round(usd * MICRO)
