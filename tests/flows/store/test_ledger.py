"""A budget is never exceeded, however many spend at once."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from math import inf, nan
from typing import TYPE_CHECKING

import pytest

from detectors.errors import InputError, PermanentError
from flows.store import open_store
from flows.store.ledger import Spent

if TYPE_CHECKING:
    from flows.sources.base import Ledger
    from flows.store import Store

NOVEMBER = datetime(2026, 11, 21, 12, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def now() -> datetime:
    return NOVEMBER


def test_it_is_the_ledger_that_sources_ask_for(store: Store) -> None:
    account: Ledger = store.ledger("x", 10, now=now)
    account.charge("search", 1.25)
    account.charge("search", 1.25)
    account.charge("counts", 0.005)
    account.refund("search", 0.5)
    assert store.spending("2026-11") == [
        Spent("x", "2026-11", "counts", 1, 0.005),
        Spent("x", "2026-11", "search", 2, 2.0),
    ]
    assert store.spending("2026-12") == []


def test_a_charge_beyond_the_budget_says_what_to_do_and_books_nothing(store: Store) -> None:
    account = store.ledger("x", 10, now=now)
    account.charge("search", 9.98)
    with pytest.raises(PermanentError) as caught:
        account.charge("search", 0.03)
    assert str(caught.value) == (
        "the monthly budget of $10.00 for x is spent ($9.98 so far); raise [x] budget_usd or wait until 1 December"
    )
    assert store.spending() == [Spent("x", "2026-11", "search", 1, 9.98)]
    account.charge("search", 0.02)


def test_the_last_cent_may_be_spent_although_floats_do_not_add_up(store: Store) -> None:
    account = store.ledger("x", 0.3, now=now)
    for _ in range(3):
        account.charge("search", 0.1)
    with pytest.raises(PermanentError):
        account.charge("search", 0.000001)


def test_every_source_has_a_budget_of_its_own(store: Store) -> None:
    store.ledger("x", 1, now=now).charge("search", 1)
    store.ledger("y", 1, now=now).charge("search", 1)
    assert [row.source for row in store.spending()] == ["x", "y"]


def test_a_new_month_has_a_new_budget(store: Store) -> None:
    store.ledger("x", 1, now=now).charge("search", 1)
    account = store.ledger("x", 1, now=lambda: DECEMBER)
    account.charge("search", 1)
    with pytest.raises(PermanentError, match="wait until 1 January"):
        account.charge("search", 1)
    assert [row.month for row in store.spending()] == ["2026-11", "2026-12"]


def test_months_are_those_of_utc(store: Store) -> None:
    eastern = datetime(2026, 11, 30, 20, tzinfo=timezone(timedelta(hours=-5)))
    store.ledger("x", 1, now=lambda: eastern).charge("search", 1)
    assert [row.month for row in store.spending()] == ["2026-12"]


def test_a_refund_goes_to_the_month_of_its_charge(store: Store) -> None:
    times = iter([NOVEMBER, DECEMBER])
    account = store.ledger("x", 1, now=lambda: next(times))
    account.charge("search", 1)
    account.refund("search", 0.25)
    assert store.spending() == [Spent("x", "2026-11", "search", 1, 0.75)]


def test_a_refund_cannot_make_a_budget_larger(store: Store) -> None:
    account = store.ledger("x", 1, now=now)
    account.refund("search", 5)
    account.charge("search", 1)
    account.refund("search", 5)
    account.charge("search", 1)
    with pytest.raises(PermanentError):
        account.charge("search", 0.01)


@pytest.mark.parametrize("usd", [-0.01, nan, inf])
def test_what_is_no_amount_is_refused(store: Store, usd: float) -> None:
    account = store.ledger("x", 1, now=now)
    for use in (
        lambda: account.charge("search", usd),
        lambda: account.refund("search", usd),
        lambda: store.ledger("x", usd, now=now),
    ):
        with pytest.raises(InputError, match="an amount of money"):
            use()
    assert store.spending() == []


def spend(url: str) -> int:
    """Spend a cent at a time until there is no more; return how many cents that were."""
    n = 0
    with open_store(url) as store:
        account = store.ledger("x", 0.4, now=now)
        try:
            while True:
                account.charge("search", 0.01)
                n += 1
        except PermanentError:
            return n


def test_threads_and_processes_at_once_never_exceed_it(store_url: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.store.store", "tests.flows.store.test_ledger"])
    with context.Pool(2) as processes, ThreadPoolExecutor(2) as threads:
        elsewhere = [processes.apply_async(spend, (store_url,)) for _ in range(2)]
        here = [threads.submit(spend, store_url) for _ in range(2)]
        n = sum(one.get(60) for one in elsewhere) + sum(one.result(60) for one in here)
    assert n == 40
    with open_store(store_url) as store:
        assert store.spending() == [Spent("x", "2026-11", "search", 40, 0.4)]
