"""The signed webhook, and the documented way to verify it."""

from __future__ import annotations

import importlib.util
import sys
import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from standardwebhooks import Webhook

from detectors.errors import InputError, PermanentError
from flows.net import utc_now
from flows.notify.receivers.base import Delivery
from flows.notify.receivers.webhook import WebhookReceiver
from tests.flows.notify.receivers.helpers import AT, CASES, DELIVERY, FIRING, WEBHOOK_SECRET, client
from tests.flows.sources.loopback import Asked, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flows.net import Http

EXAMPLE = Path(__file__).resolve().parents[4] / "docs" / "examples" / "verify_webhook.py"
NEW_SECRET = "whsec_" + b64encode(b"another secret of 24 byte").decode()


def load_example() -> Any:
    """Import the documented file, as somebody does who has copied it."""
    spec = importlib.util.spec_from_file_location("verify_webhook", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_webhook"] = module
    spec.loader.exec_module(module)
    return module


example = load_example()


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    with client() as opened:
        yield opened


def sent(http: Http, *, secret: str = WEBHOOK_SECRET, delivery: Delivery | None = None, **settings: Any) -> Asked:
    """Return what arrives."""
    with Loopback(lambda _: Told(b"")) as server:
        hook = WebhookReceiver(name="hook", url=server.url, http=http, secret=secret, **settings)
        hook.deliver(FIRING, delivery or Delivery("id-1", 1, utc_now()))
        return server.asked[0]


def inbox(*secrets: str) -> Any:
    return example.Inbox(secrets or (WEBHOOK_SECRET,))


def test_the_example_opens_what_we_send(http: Http) -> None:
    asked = sent(http)
    message = inbox().open(asked.headers, asked.body)
    assert message["alerts"][0]["labels"]["service"] == "imessage"
    assert message["uproar"]["revision"] == 3


def test_a_time_of_another_zone_is_signed_as_the_same_instant(http: Http) -> None:
    elsewhere = utc_now().astimezone(timezone(timedelta(hours=5, minutes=30)))
    asked = sent(http, delivery=Delivery("id-1", 1, elsewhere))
    assert inbox().open(asked.headers, asked.body)


def test_a_second_attempt_has_the_same_id_and_is_told_apart(http: Http) -> None:
    box = inbox()
    first, second = (sent(http, delivery=Delivery("id-7", attempt, utc_now())) for attempt in (1, 2))
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "id-7"
    assert first.body == second.body
    assert box.open(first.headers, first.body) is not None
    assert box.open(second.headers, second.body) is None
    box.forget(second.headers)
    assert box.open(second.headers, second.body) is not None


def test_ids_are_kept_for_longer_than_a_signature_lasts(http: Http) -> None:
    now_s = 0.0
    box = example.Inbox((WEBHOOK_SECRET,), clock=lambda: now_s)
    asked = sent(http)
    assert box.open(asked.headers, asked.body) is not None
    now_s = 301.0
    assert box.open(asked.headers, asked.body) is None
    now_s = example.KEEP_S + 1
    assert box.open(asked.headers, asked.body) is not None, "by then the signature is too old in earnest"


@pytest.mark.parametrize("held", [(WEBHOOK_SECRET,), (NEW_SECRET,), (NEW_SECRET, WEBHOOK_SECRET)])
def test_while_secrets_change_both_sign(http: Http, held: tuple[str, ...]) -> None:
    asked = sent(http, secret=f"{WEBHOOK_SECRET} {NEW_SECRET}")
    assert asked.headers["webhook-signature"].count("v1,") == 2
    assert inbox(*held).open(asked.headers, asked.body) is not None


def test_what_is_not_from_us_or_not_from_now_is_refused(http: Http) -> None:
    asked = sent(http)
    old = sent(http, delivery=Delivery("id-1", 1, utc_now() - timedelta(minutes=6)))
    early = sent(http, delivery=Delivery("id-1", 1, utc_now() + timedelta(minutes=6)))
    signature = asked.headers["webhook-signature"]
    forged: list[tuple[dict[str, str], bytes]] = [
        (old.headers, old.body),
        (early.headers, early.body),
        (asked.headers, asked.body + b" "),
        (asked.headers, b"\xff"),
        (asked.headers | {"webhook-id": "id-2"}, asked.body),
        ({name: value for name, value in asked.headers.items() if name != "webhook-signature"}, asked.body),
        ({}, asked.body),
        *(
            (asked.headers | {"webhook-signature": text}, asked.body)
            for text in (
                "",
                "v1",
                "v1,",
                "v1,a",
                "v1,a,b",
                ",",
                "v2," + signature[3:],
                signature[:-4],
                "\x00",
                "v1,\u00e9",
            )
        ),
        *((asked.headers | {"webhook-timestamp": text}, asked.body) for text in ("", "nan", "inf", "x", "9" * 400)),
    ]
    for headers, body in forged:
        with pytest.raises(example.RefusedError):
            inbox().open(headers, body)
    with pytest.raises(example.RefusedError):
        inbox(NEW_SECRET).open(asked.headers, asked.body)


def test_without_a_secret_nothing_is_signed(http: Http) -> None:
    headers = sent(http, secret="").headers
    assert "webhook-signature" not in headers
    assert headers["webhook-id"] == "id-1"
    assert "authorization" not in headers


def test_what_it_says_of_itself(http: Http) -> None:
    headers = sent(http, authorization="Bearer abc", delivery=Delivery("id-1", 1, AT)).headers
    assert headers["authorization"] == "Bearer abc"
    assert headers["webhook-timestamp"] == str(int(AT.timestamp()))
    assert datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC) == AT


@pytest.mark.parametrize(
    "secret",
    ["abc", "whsec_", "whsec_YWJj", "whsec_not base64 at all", f"{WEBHOOK_SECRET} x", "whsec_" + "\u00e9" * 30],
)
def test_what_is_no_secret(http: Http, secret: str) -> None:
    with pytest.raises(InputError, match="a signing secret is whsec_ and base64") as caught:
        WebhookReceiver(name="hook", url="https://x.example", http=http, secret=secret)
    assert secret not in str(caught.value).replace("whsec_ and base64", "")


def test_the_example_as_a_server(http: Http, capsys: pytest.CaptureFixture[str]) -> None:
    example.Handler.inbox = inbox()
    example.Handler.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), example.Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        hook = WebhookReceiver(name="hook", url=url, http=http, secret=WEBHOOK_SECRET)
        for number, message in enumerate(CASES.values()):
            for attempt in (1, 2):
                hook.deliver(message, Delivery(f"id-{number}", attempt, utc_now()))
        with pytest.raises(PermanentError, match="401"):
            WebhookReceiver(name="hook", url=url, http=http, secret=NEW_SECRET).deliver(FIRING, DELIVERY)
        with httpx.Client() as plain:
            assert plain.post(url, content=b"x" * (example.MAX_BYTES + 1)).status_code == 413
        server.shutdown()
        thread.join()
    out = capsys.readouterr().out
    assert out.count("\n") == len(CASES), "each once"
    assert out.startswith("firing: iMessage: 13x the usual")


def test_the_library_is_as_the_example_says() -> None:
    """If one of these fails, the library has been mended, and the example can be simpler."""
    hook = Webhook(WEBHOOK_SECRET)
    headers = {"webhook-id": "a", "webhook-timestamp": str(int(utc_now().timestamp())), "webhook-signature": "v1,a"}
    with pytest.raises(ValueError, match="base64"):
        hook.verify(b"{}", headers)
    with pytest.raises(ValueError, match="unpack"):
        hook.verify(b"{}", headers | {"webhook-signature": "v1"})
    now = utc_now()
    elsewhere = now.astimezone(timezone(timedelta(hours=1)))
    assert hook.sign("a", now, "x") != hook.sign("a", elsewhere, "x")
