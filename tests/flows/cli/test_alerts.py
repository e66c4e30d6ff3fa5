"""The commands around alerts: silences, acknowledgements, deliveries, tests of receivers, receipts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from shutil import copy
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from flows.notify.message import Message, delivery_id
from flows.store import Outgoing, open_store
from tests.flows.notify.sink import listening

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.flows.cli.conftest import Said

AT = datetime(2026, 3, 3, 18, 9, tzinfo=UTC)


@pytest.fixture
def kept(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a store with incidents, which the commands use by default."""
    mine = tmp_path / "mine.db"
    copy(filled, mine)
    monkeypatch.setenv("UPROAR_STORE_URL", f"sqlite:///{mine}")
    return mine


def an_incident(uproar: Callable[..., Said]) -> dict[str, Any]:
    found = [json.loads(line) for line in uproar("incidents", "--json").out.splitlines()]
    return next(one for one in found if one["service"] == "imessage" and one["severity"] == "page")


def told(store: Path, incident_id: str, *, state: str = "pending") -> str:
    """Put a message about an incident into the outbox."""
    identity = delivery_id("oncall", incident_id, 1)
    message = Message(
        incident_id=incident_id,
        revision=1,
        status="firing",
        state="confirmed",
        severity="page",
        service="imessage",
        service_name="iMessage",
        at=AT,
        sentence="iMessage: it is \x1b[31mdown",
        starts_at=AT,
    )
    with open_store(store) as opened:
        one = Outgoing(
            id=identity,
            receiver="oncall",
            incident_id=incident_id,
            revision=1,
            status="firing",
            body=msgspec.json.encode(message),
            created_at=AT,
        )
        opened.enqueue([one])
        if state == "dead":
            (leased,) = opened.lease(AT, 60, 1, "me")
            opened.dead(leased.id, leased.owner, AT, "it answered 404")
    return identity


def test_a_silence_begins_is_listed_and_ends(uproar: Callable[..., Said], kept: Path) -> None:
    made = uproar(
        "silence", "--service", "iMessage", "--region", "US-TX", "--for", "2h", "--comment", "works", "--json"
    )
    assert made.code == 0
    record = json.loads(made.out)
    assert record["matchers"] == {"service": ["imessage"], "region": ["US-TX"]}
    listed = uproar("silence").out
    assert record["id"] in listed
    assert "UTC, service imessage, region US-TX; works" in listed
    assert uproar("silence", "--end", record["id"][:5]).code == 0
    assert uproar("silence").out.startswith("Nothing is silenced")
    assert "over" in uproar("silence", "--all").out
    assert kept.exists()


def test_a_maintenance_window_begins_later(uproar: Callable[..., Said], kept: Path) -> None:
    said = uproar("silence", "--from", "2099-01-01T00:00", "--until", "2099-01-01T02:00")
    assert "2099-01-01 00:00 to 2099-01-01 02:00 UTC, everything" in said.out
    assert uproar("silence").out.startswith("Nothing is silenced")
    assert "to come" in uproar("silence", "--all").out
    assert kept.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--service", "imessage"], "say for how long"),
        (["--for", "soon"], "'soon' is no length of time"),
        (["--for", "0h"], "no length of time"),
        (["--for", "9999d"], "a year at most"),
        (["--service", "imessagge", "--for", "2h"], "imessage"),
        (["--region", "Texas", "--for", "2h"], "is no region"),
        (["--until", "2020-01-01T00:00"], "a silence ends after it begins"),
        (["--end", "zzz"], "none of the silences"),
    ],
)
def test_what_a_silence_cannot_be(uproar: Callable[..., Said], kept: Path, arguments: list[str], message: str) -> None:
    said = uproar("silence", *arguments)
    assert (said.code, message in said.err) == (2, True), said.err
    assert kept.exists()


def test_an_incident_is_acknowledged_and_not(uproar: Callable[..., Said], kept: Path) -> None:
    incident_id = an_incident(uproar)["id"]
    assert "is acknowledged" in uproar("ack", incident_id[:8], "--comment", "mine").out
    with open_store(kept) as store:
        assert store.acks()[incident_id].comment == "mine"
    assert "no longer acknowledged" in uproar("ack", incident_id, "--undo").out
    assert "not acknowledged" in uproar("ack", incident_id, "--undo").out
    assert uproar("ack", "zzz").code == 2


def test_deliveries_are_shown_and_sent_again(uproar: Callable[..., Said], kept: Path) -> None:
    assert uproar("deliveries").out.startswith("Nothing was told yet")
    incident_id = an_incident(uproar)["id"]
    identity = told(kept, incident_id, state="dead")
    said = uproar("deliveries", "--incident", incident_id[:8])
    assert said.code == 1, "something was given up"
    assert f"{identity[:8]} 2026-03-03 18:09 UTC oncall firing: dead (it answered 404)" in said.out
    assert "\x1b" not in said.out
    assert "uproar deliveries --resend dead" in said.err
    (record,) = [json.loads(line) for line in uproar("deliveries", "--json", "--state", "dead").out.splitlines()]
    assert (record["receiver"], record["error"]) == ("oncall", "it answered 404")
    assert "1 message waits" in uproar("deliveries", "--resend", "dead").out
    assert "it has taken nothing since" in uproar("deliveries", "--state", "pending").err
    assert "1 message waits" in uproar("deliveries", "--resend", identity[:6]).out
    assert "none of the messages" in uproar("deliveries", "--resend", "zzz").err


def test_a_receiver_that_is_gone_is_told_again(uproar: Callable[..., Said], kept: Path) -> None:
    told(kept, an_incident(uproar)["id"])
    with open_store(kept) as store:
        store.disable("oncall", AT, "it answered 410")
    said = uproar("deliveries")
    assert (said.code, "it said that it is gone (it answered 410)" in said.err) == (1, True)
    assert "1 message waits" in uproar("deliveries", "--enable", "oncall").out
    assert uproar("deliveries").code == 0


def test_a_receipt_agrees_and_says_where_it_does_not(uproar: Callable[..., Said], kept: Path) -> None:
    incident_id = an_incident(uproar)["id"]
    told(kept, incident_id)
    said = uproar("show", incident_id, "--receipt")
    assert said.code == 0
    assert "agrees: what is on record comes out of the stored counts again" in said.out
    assert "  = alarmed_at" in said.out
    assert "oncall firing" in said.out
    record = json.loads(uproar("show", incident_id, "--receipt", "--json").out)
    assert record["agrees"]
    assert len(record["inputs"][0]["sha256"]) == 64
    with open_store(kept) as store, store._writing() as connection:
        connection.exec_driver_sql("UPDATE counts SET observed = 1 WHERE service = 'imessage' AND observed > 5")
    said = uproar("show", incident_id, "--receipt")
    assert said.code == 1
    assert "DIFFERS" in said.out
    changed = json.loads(uproar("show", incident_id, "--receipt", "--json").out)
    assert not changed["agrees"]
    assert changed["inputs"][0]["sha256"] != record["inputs"][0]["sha256"]


def test_a_receiver_is_tried(uproar: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "whsec_" + "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4")
    with listening() as sink:
        host = sink.url.removeprefix("http://")
        config = tmp_path / "told.toml"
        hook = f'[receivers.hook]\nkind = "webhook"\nurl = "{sink.url}/x"\nsecret = "env:HOOK_SECRET"\n'
        config.write_text(f'[alerts]\nallow = ["{host}"]\n{hook}')
        said = uproar("test-receiver", "hook", "--config", config)
        assert (said.code, said.out.strip()) == (0, "hook took both messages of the test (webhook)"), said.err
        assert [one.status for one in sink.heard] == ["firing", "resolved"]
        config.write_text(hook)
        said = uproar("test-receiver", "hook", "--config", config)
        assert said.code == 1
        assert "/x" not in said.err
    said = uproar("test-receiver", "other", "--config", config)
    assert (said.code, "it has hook" in said.err) == (2, True)
