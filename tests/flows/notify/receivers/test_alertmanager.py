"""Alertmanager: a real one, on a free port of loopback, whose silences and inhibitions work for our alerts."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from detectors.errors import PermanentError, RetryableError
from flows.net import utc_now
from flows.notify.receivers.alertmanager import AlertmanagerReceiver, payload
from flows.notify.receivers.base import Delivery
from tests.conftest import missing
from tests.flows.notify.receivers.helpers import (
    AT,
    CANARY,
    CASES,
    DELIVERY,
    FIRING,
    HOSTILE_TEXTS,
    RESOLVED,
    changed,
    client,
    hostile,
)
from tests.flows.sources.loopback import Asked, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flows.net import Http
    from flows.notify.message import Message

PATIENCE_S = 60.0
CONFIG = """
route:
  receiver: sink
  group_by: [service]
  group_wait: 100ms
  group_interval: 300ms
  repeat_interval: 1h
receivers:
  - name: sink
    webhook_configs:
      - url: {sink}
        send_resolved: true
inhibit_rules:
  - source_matchers: ['service = backbone']
    target_matchers: ['service = shop']
"""


def eventually(found: Callable[[], Any]) -> Any:
    """Ask until there is an answer."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if answer := found():
            return answer
        time.sleep(0.03)  # noqa: TID251 - another program is at work
    raise AssertionError("Alertmanager did not")


@contextmanager
def running(folder: Path, sink: str) -> Iterator[str]:
    """Run an Alertmanager; give its address."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        missing("no Alertmanager: install the Debian package prometheus-alertmanager")
    assert program is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "config.yml").write_text(CONFIG.format(sink=sink), "utf-8")
    command = [program, "--config.file=config.yml", "--storage.path=data", "--cluster.listen-address="]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], cwd=folder, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        try:
            return httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200
        except httpx.HTTPError:
            assert process.poll() is None, (folder / "log").read_text("utf-8")
            return False

    try:
        eventually(is_ready)
        yield url
    finally:
        process.kill()
        process.wait()


class Alertmanager:
    """A running one, and what it has told its own receiver."""

    def __init__(self, url: str, told: list[Asked]) -> None:
        self.url = url
        self._told = told

    def alerts(self, service: str) -> list[dict[str, Any]]:
        found = httpx.get(f"{self.url}/api/v2/alerts", params={"filter": f'service="{service}"'}, trust_env=False)
        answer: list[dict[str, Any]] = found.raise_for_status().json()
        return answer

    def told(self, service: str) -> list[str]:
        bodies = [json.loads(asked.body) for asked in self._told]
        return [body["status"] for body in bodies if body["groupLabels"].get("service") == service]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with Loopback(lambda _: Told(b"")) as sink, running(tmp_path_factory.mktemp("alertmanager"), sink.url) as url:
        yield Alertmanager(url, sink.asked)


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    with client() as opened:
        yield opened


def about(service: str, message: Message = FIRING, **changes: Any) -> Message:
    """Return a message about another service, of just now."""
    now = utc_now()
    times = {"at": now, "starts_at": now - timedelta(minutes=5)}
    if message.status == "resolved":
        times |= {"ends_at": now - timedelta(seconds=1)}
    return changed(message, service=service, incident_id=f"{service}-1", **(times | changes))


def now() -> Delivery:
    return Delivery("id", 1, utc_now())


pytestmark = pytest.mark.real


def test_it_fires_is_told_once_and_is_resolved(real: Alertmanager, http: Http) -> None:
    receiver = AlertmanagerReceiver(name="am", url=f"{real.url}/", http=http)
    for _ in range(3):
        receiver.deliver(about("imessage", state="confirmed"), now())
    [alert] = eventually(lambda: real.alerts("imessage"))
    assert alert["labels"]["severity"] == "page"
    assert alert["annotations"]["summary"].startswith("iMessage: 13x")
    assert alert["status"]["state"] == "active"
    assert alert["generatorURL"] == FIRING.links[0].url
    assert eventually(lambda: real.told("imessage")) == ["firing"]
    receiver.deliver(about("imessage", RESOLVED), now())
    assert eventually(lambda: len(real.told("imessage")) > 1 and real.told("imessage")) == ["firing", "resolved"]
    assert real.alerts("imessage") == []


def test_an_alert_that_is_not_sent_again_ends_by_itself(real: Alertmanager, http: Http) -> None:
    receiver = AlertmanagerReceiver(name="am", url=real.url, http=http, resend_every=timedelta(milliseconds=600))
    receiver.deliver(about("forgotten", state="confirmed"), now())
    assert eventually(lambda: real.told("forgotten"))[0] == "firing"
    assert eventually(lambda: len(real.told("forgotten")) > 1 and real.told("forgotten")) == ["firing", "resolved"]


def test_a_higher_severity_takes_the_place_of_the_lower(real: Alertmanager, http: Http) -> None:
    receiver = AlertmanagerReceiver(name="am", url=real.url, http=http)
    receiver.deliver(about("rising", severity="watch", state="confirmed"), now())
    assert [alert["labels"]["severity"] for alert in eventually(lambda: real.alerts("rising"))] == ["watch"]
    receiver.deliver(about("rising", severity="page", state="updated"), now())
    assert [alert["labels"]["severity"] for alert in real.alerts("rising")] == ["page"]
    receiver.deliver(about("rising", RESOLVED, severity="page"), now())
    assert real.alerts("rising") == []


def test_silences_work_for_our_alerts(real: Alertmanager, http: Http) -> None:
    silence = {
        "matchers": [{"name": "service", "value": "silenced", "isRegex": False, "isEqual": True}],
        "startsAt": (utc_now() - timedelta(minutes=1)).isoformat(),
        "endsAt": (utc_now() + timedelta(hours=1)).isoformat(),
        "createdBy": "a test",
        "comment": "planned",
    }
    httpx.post(f"{real.url}/api/v2/silences", json=silence, trust_env=False).raise_for_status()
    receiver = AlertmanagerReceiver(name="am", url=real.url, http=http)
    receiver.deliver(about("silenced"), now())
    receiver.deliver(about("heard"), now())
    assert eventually(lambda: real.told("heard"))
    [alert] = real.alerts("silenced")
    assert (alert["status"]["state"], len(alert["status"]["silencedBy"])) == ("suppressed", 1)
    assert real.told("silenced") == []


def test_inhibition_works_for_our_alerts(real: Alertmanager, http: Http) -> None:
    receiver = AlertmanagerReceiver(name="am", url=real.url, http=http)
    receiver.deliver(about("backbone"), now())
    assert eventually(lambda: real.told("backbone"))
    receiver.deliver(about("shop"), now())
    receiver.deliver(about("after"), now())
    assert eventually(lambda: real.told("after"))
    [alert] = eventually(lambda: [one for one in real.alerts("shop") if one["status"]["state"] != "unprocessed"])
    assert alert["status"]["inhibitedBy"]
    assert real.told("shop") == []


def test_it_takes_whatever_we_send(real: Alertmanager, http: Http) -> None:
    receiver = AlertmanagerReceiver(name="am", url=real.url, http=http)
    for status in ("firing", "resolved"):
        for text in HOSTILE_TEXTS:
            receiver.deliver(changed(hostile(text, status=status), starts_at=utc_now()), now())


def test_it_takes_the_documented_messages(real: Alertmanager, http: Http) -> None:
    for message in CASES.values():
        AlertmanagerReceiver(name="am", url=real.url, http=http).deliver(message, DELIVERY)


def test_it_refuses_what_is_none(real: Alertmanager, http: Http) -> None:
    receiver = AlertmanagerReceiver(name="am", url=f"{real.url}/wrong", http=http)
    with pytest.raises(PermanentError, match="404"):
        receiver.deliver(FIRING, DELIVERY)


# --- without a real one --------------------------------------------------------------------------------------


def test_when_alerts_end() -> None:
    later = AT + timedelta(minutes=4)
    [fired] = payload(changed(FIRING, state="confirmed"), ends_at=later)
    assert (fired["startsAt"], fired["endsAt"]) == ("2026-03-03T18:05:00.000Z", "2026-03-03T18:16:00.000Z")
    page, watch = payload(RESOLVED, ends_at=later)
    assert page["endsAt"] == watch["endsAt"] == "2026-03-03T18:52:00.000Z"
    dismissed = changed(RESOLVED, ends_at=None, at=RESOLVED.starts_at - timedelta(minutes=1))
    assert payload(dismissed, ends_at=later)[0]["endsAt"] == "2026-03-03T18:05:00.000Z", "not before it began"
    assert [one["labels"]["severity"] for one in payload(FIRING, ends_at=later)] == ["page", "watch"]


def test_errors_and_secrets(http: Http) -> None:
    with Loopback(lambda _: Told(b"", 503)) as server:
        receiver = AlertmanagerReceiver(name="am", url=server.url, http=http, authorization=f"Basic {CANARY}")
        with pytest.raises(RetryableError, match="503"):
            receiver.deliver(FIRING, DELIVERY)
        assert server.asked[0].path == "/api/v2/alerts"
        assert server.asked[0].headers["authorization"] == f"Basic {CANARY}"
    assert CANARY not in repr(receiver)
    assert receiver.resend_every == timedelta(seconds=60)
