"""What platform clients on requests get to see, and what their errors become."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from detectors.errors import PermanentError, RetryableError
from flows.sources.checked import CheckedSession, heard
from tests.flows.sources.harness import NOW, FakeTime
from tests.flows.sources.loopback import PERMANENT, Asked, Fault, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "canary-checked"  # noqa: S105 - made up


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(lambda _: Told(b"[1]")) as made:
        yield made


def session(time: FakeTime | None = None, *, timeout_s: float = 5, shape: type = object) -> CheckedSession:
    return CheckedSession("The platform", (time or FakeTime()).bounds(timeout_s=timeout_s), shape=shape)


def test_a_good_answer_gets_through(server: Loopback) -> None:
    assert session().get(server.url, params={"q": "x"}).json() == [1]
    assert server.asked[0].params == {"q": "x"}
    assert server.asked[0].headers["user-agent"].startswith("uproar")


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_becomes_an_error_of_ours_that_keeps_the_address_to_itself(server: Loopback, fault: Fault) -> None:
    server.fail(fault)
    kind = PermanentError if fault in PERMANENT else RetryableError
    own = session(timeout_s=0.3 if fault is Fault.TIMEOUT else 5)
    with pytest.raises(kind, match="The platform") as caught:
        own.get(server.url, params={"token": SECRET}, timeout=99)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert ("in time" in str(caught.value)) == (fault is Fault.TIMEOUT)  # ours, not the 99 s of the client


def test_a_redirect_is_not_followed(server: Loopback) -> None:
    server.respond = lambda _: Told(b"[]", 302, {"Location": f"{server.url}/elsewhere"})
    with pytest.raises(PermanentError, match="elsewhere"):
        session().get(server.url)
    assert len(server.asked) == 1


def test_another_shape_is_refused(server: Loopback) -> None:
    assert session(shape=list).get(server.url).json() == [1]
    with pytest.raises(RetryableError, match="something else"):
        session(shape=dict).get(server.url)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-03-03T12:00:20Z"}, 20),
        ({"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "9"}, 9),
        ({"x-ratelimit-remaining": "0.0"}, None),
        ({"x-ratelimit-remaining": "none", "x-ratelimit-reset": "9"}, None),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "9"}, None),
    ],
)
def test_an_allowance_is_kept_to_and_not_shown(server: Loopback, headers: dict[str, str], wait_s: float | None) -> None:
    server.respond = lambda _: Told(b"[]", headers=headers)
    time = FakeTime()
    own = session(time)
    answer = own.get(server.url)
    assert not [name for name in answer.headers if "ratelimit" in name.lower()]
    if wait_s is None:
        own.get(server.url)
        return
    with pytest.raises(RetryableError, match="no requests left") as caught:
        own.get(server.url)
    assert caught.value.retry_at is not None
    assert (caught.value.retry_at - NOW).total_seconds() == wait_s
    time.clock.sleep(wait_s)
    own.get(server.url)
    assert len(server.asked) == 2


def test_a_refusal_says_when_to_come_back(server: Loopback) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-03-03T12:03:00.000Z"}
    server.respond = lambda _: Told(b'{"error":"Too many requests"}', 429, headers)
    own = session()
    for message in ("429", "no requests left"):
        with pytest.raises(RetryableError, match=message) as caught:
            own.get(server.url)
        assert caught.value.retry_at is not None
        assert (caught.value.retry_at - NOW).total_seconds() == 180
    assert len(server.asked) == 1


def test_credentials_of_a_netrc_stay_there(server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"default login somebody password {SECRET}\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(server.url) == ("somebody", SECRET)  # what requests would send

    def headers(asked: Asked) -> Told:
        assert asked.headers.get("authorization") == "Bearer mine"
        return Told(b"[]")

    server.respond = headers
    session().get(server.url, headers={"Authorization": "Bearer mine"})


def test_errors_of_ours_come_out_of_what_wraps_them() -> None:
    ours = PermanentError("the platform refuses")

    def wrapped() -> None:
        try:
            raise ours
        except PermanentError as error:
            raise ValueError(SECRET) from error

    def hidden() -> None:
        try:
            wrapped()
        except ValueError:
            raise KeyError(SECRET) from None

    for ask in (wrapped, hidden):
        with pytest.raises(PermanentError) as caught:
            heard(ask, what="The platform")
        assert caught.value is ours


def test_what_a_client_raises_by_itself_is_named_and_not_repeated() -> None:
    def ask() -> None:
        raise KeyError(SECRET)

    with pytest.raises(RetryableError, match="KeyError") as caught:
        heard(ask, what="The platform")
    assert SECRET not in str(caught.value)
    assert heard(lambda: 7, what="The platform") == 7
