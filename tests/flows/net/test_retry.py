"""How often, and how long, something is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from detectors.errors import PermanentError, RetryableError
from flows.net import Clock, Retry, check_status, retry_at_from

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


class Time:
    def __init__(self) -> None:
        self.at = NOW
        self.waits_s: list[float] = []
        self.clock = Clock(lambda: self.at, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self.at += timedelta(seconds=seconds)


def failing(times: int, error: Exception) -> Callable[[], str]:
    left = [error] * times

    def attempt() -> str:
        if left:
            raise left.pop()
        return "done"

    return attempt


def test_it_waits_longer_each_time_and_never_the_whole_bound() -> None:
    time = Time()
    retry = Retry(time.clock, Random(7), tries=6, base_s=2, cap_s=8)  # noqa: S311
    assert retry.call(failing(5, RetryableError("busy"))) == "done"
    assert len(time.waits_s) == 5
    assert all(0 <= wait <= bound for wait, bound in zip(time.waits_s, (2, 4, 8, 8, 8), strict=True))


def test_waits_are_spread_over_the_whole_bound() -> None:
    waits = []
    for seed in range(300):
        time = Time()
        Retry(time.clock, Random(seed), tries=2, base_s=10).call(failing(1, RetryableError("busy")))  # noqa: S311
        waits += time.waits_s
    assert min(waits) < 1
    assert max(waits) > 9
    assert 4.3 < sum(waits) / len(waits) < 5.7


def test_the_last_error_comes_out() -> None:
    time = Time()
    with pytest.raises(RetryableError, match="busy"):
        Retry(time.clock, Random(1), tries=3).call(failing(3, RetryableError("busy")))  # noqa: S311
    assert len(time.waits_s) == 2


def test_what_will_not_work_is_not_tried_again() -> None:
    time = Time()
    with pytest.raises(PermanentError):
        Retry(time.clock).call(failing(1, PermanentError("no")))
    assert time.waits_s == []


def test_a_platform_is_not_asked_before_it_wants_to_be() -> None:
    time = Time()
    error = RetryableError("busy", retry_at=NOW + timedelta(seconds=20))
    assert Retry(time.clock, Random(1)).call(failing(1, error)) == "done"  # noqa: S311
    assert time.at >= NOW + timedelta(seconds=20)


def test_a_platform_that_wants_to_be_left_alone_for_long_is() -> None:
    time = Time()
    error = RetryableError("busy", retry_at=NOW + timedelta(minutes=15))
    with pytest.raises(RetryableError) as caught:
        Retry(time.clock).call(failing(1, error))
    assert caught.value.retry_at == NOW + timedelta(minutes=15)
    assert time.waits_s == []


@pytest.mark.parametrize("status", [200, 204, 304])
def test_good_answers_raise_nothing(status: int) -> None:
    check_status(status, {}, what="it", now=NOW)


@pytest.mark.parametrize("status", [300, 301, 308, 400, 401, 402, 403, 404, 410, 418, 422])
def test_answers_that_will_stay_as_they_are(status: int) -> None:
    with pytest.raises(PermanentError, match=f"^it answered {status}"):
        check_status(status, {"Location": "http://elsewhere"}, what="it", now=NOW)


@pytest.mark.parametrize("status", [408, 423, 425, 429, 500, 502, 503, 504, 599])
def test_answers_that_may_change(status: int) -> None:
    with pytest.raises(RetryableError) as caught:
        check_status(status, {"Retry-After": "30"}, what="it", now=NOW)
    assert caught.value.retry_at == NOW + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "Tue, 03 Mar 2026 12:01:00 GMT"}, 60),
        ({"Retry-After": "Tue, 03 Mar 2026 11:00:00 GMT"}, 0),
        ({"x-rate-limit-reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({"X-RateLimit-Reset": "2026-03-03T12:05:00.000Z"}, 300),
        ({"X-Ratelimit-Reset": "42"}, 42),
        ({"Retry-After": "soon", "x-ratelimit-reset": "3"}, 3),
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "²"}, None),
        ({"Retry-After": "1" * 400}, None),
        ({"Retry-After": "999999999"}, None),
        ({"x-ratelimit-reset": "tomorrow"}, None),
        ({"x-rate-limit-reset": "-5"}, None),
    ],
)
def test_when_a_platform_wants_to_be_asked_again(headers: dict[str, str], seconds: float | None) -> None:
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert retry_at_from(headers, now=NOW) == expected
