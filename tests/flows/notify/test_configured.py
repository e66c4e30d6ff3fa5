"""From the configuration to receivers: every kind, every mistake, and no secret in any message."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from detectors.errors import InputError, PermanentError, SettingsError
from flows.net.clock import SYSTEM_CLOCK
from flows.notify.configured import Told, told_by
from flows.notify.policy import Restraint, Route
from flows.notify.receivers.alertmanager import AlertmanagerReceiver
from flows.notify.receivers.apprise import AppriseReceiver
from flows.notify.receivers.discord import DiscordReceiver
from flows.notify.receivers.email import EmailReceiver
from flows.notify.receivers.pagerduty import PagerDutyReceiver
from flows.notify.receivers.slack import SlackReceiver
from flows.notify.receivers.teams import TeamsReceiver
from flows.notify.receivers.webhook import WebhookReceiver
from flows.settings import World, load_settings
from tests.flows.notify.receivers.helpers import CANARY, DELIVERY, FIRING, ROUTING_KEY, WEBHOOK_SECRET
from tests.flows.sources.loopback import Loopback
from tests.flows.sources.loopback import Told as Answer

if TYPE_CHECKING:
    from pathlib import Path

URL = f"https://hooks.example/{CANARY}"
ENVIRON = {
    "HOOK_URL": URL,
    "HOOK_SECRET": WEBHOOK_SECRET,
    "PD_KEY": ROUTING_KEY,
    "SMTP_PASSWORD": CANARY,
    "APPRISE_URL": f"json://hooks.example/{CANARY}",
    "SLACK_URL": f"https://hooks.slack.com/services/T000/B000/{CANARY}",
    "DISCORD_URL": f"https://discord.com/api/webhooks/1/{CANARY}",
}
MAIL = """host = "mail.example"
sender = "Uproar <u@example.com>"
to = ["a@example.com"]
username = "u"
password = "env:SMTP_PASSWORD"
"""
KINDS = {
    "webhook": ('url = "env:HOOK_URL"\nsecret = "env:HOOK_SECRET"\nauthorization = "Bearer x"', WebhookReceiver),
    "slack": ('url = "env:SLACK_URL"', SlackReceiver),
    "discord": ('url = "env:DISCORD_URL"', DiscordReceiver),
    "teams": ('url = "env:HOOK_URL"', TeamsReceiver),
    "pagerduty": ('routing_key = "env:PD_KEY"', PagerDutyReceiver),
    "alertmanager": ('url = "http://alerts.example:9093"', AlertmanagerReceiver),
    "email": (MAIL, EmailReceiver),
    "apprise": ('url = "env:APPRISE_URL"', AppriseReceiver),
}


def told(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Told:
    file = tmp_path / "uproar.toml"
    file.write_text(text)
    return told_by(load_settings(file, environ={}), World(SYSTEM_CLOCK, ENVIRON if environ is None else environ))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_from_the_file(tmp_path: Path, kind: str) -> None:
    fields, wanted = KINDS[kind]
    (receiver,) = told(tmp_path, f'[receivers.oncall]\nkind = "{kind}"\n{fields}\n').receivers.values()
    assert isinstance(receiver, wanted)
    assert (receiver.name, receiver.kind) == ("oncall", kind)
    assert CANARY not in repr(receiver)
    assert ROUTING_KEY not in repr(receiver)


def test_secrets_are_read_where_they_are_named(tmp_path: Path) -> None:
    fields, _ = KINDS["webhook"]
    hook = told(
        tmp_path, f'[alerts]\nlink = "https://u.example/i/{{incident}}"\n[receivers.a]\nkind = "webhook"\n{fields}'
    )
    receiver = hook.receivers["a"]
    assert isinstance(receiver, WebhookReceiver)
    assert (receiver.url, receiver.secret, receiver.authorization) == (URL, WEBHOOK_SECRET, "Bearer x")
    assert receiver.external_url == "https://u.example/i/"


def test_what_each_wants_and_how_little_is_told(tmp_path: Path) -> None:
    text = """
[alerts]
update_after_min = 5
most_updates = 2
together_min = 30
link = "https://u.example/{incident}"
with_posts = true
[receivers.chat]
kind = "teams"
url = "https://t.example"
severity = "watch"
services = ["iMessage"]
regions = ["US-TX", "metro:4726206"]
repeat_h = 1.5
[receivers.pager]
kind = "teams"
url = "https://t.example"
"""
    telling = told(tmp_path, text).telling
    assert telling.routes == (
        Route("chat", "watch", frozenset({"imessage"}), frozenset({"US-TX", "metro:4726206"}), timedelta(hours=1.5)),
        Route("pager", "page"),
    )
    assert telling.restraint == Restraint(timedelta(minutes=5), 2, timedelta(minutes=30))
    assert (telling.link, telling.with_posts) == ("https://u.example/{incident}", True)


MISTAKES = [
    ('kind = "webhook"', "receivers.a.url: a receiver of kind webhook needs url"),
    ('kind = "pagerduty"', "receivers.a.routing_key: a receiver of kind pagerduty needs routing_key"),
    ('kind = "email"\nhost = "h"\nsender = "a@b.example"', "receivers.a.to: a receiver of kind email needs to"),
    (f'kind = "slack"\nurl = "{URL}"\nsecret = "{CANARY}"', "receivers.a.secret: a receiver of kind slack takes url"),
    (f'kind = "teams"\nurl = "{URL}"\nport = 3', "receivers.a.port: a receiver of kind teams takes url"),
    ('kind = "teams"\nurl = "env:MISSING"', "receivers.a.url: the environment has no MISSING"),
    ('kind = "teams"\nurl = "prefect:block"', "receivers.a.url: block is a Prefect Secret block"),
    (f'kind = "webhook"\nurl = "{URL}"\nsecret = "whsec_{CANARY}"', "receivers.a: "),
    (f'kind = "webhook"\nurl = "{URL}"\nauthorization = "x\\n{CANARY}"', "receivers.a: "),
    (f'kind = "teams"\nurl = "{URL}"\nservices = ["imessagge"]', "receivers.a.services: "),
    (f'kind = "teams"\nurl = "{URL}"\nregions = ["Texas"]', "receivers.a.regions: 'Texas' is no region: US, US-TX"),
    (f'kind = "email"\n{MAIL}security = "none"', "receivers.a: Receiver 'a': a password is not told without TLS"),
    ('kind = "email"\nhost = "h"\nsender = "nobody"\nto = ["c@b.example"]', "receivers.a: "),
]


@pytest.mark.parametrize(("fields", "message"), MISTAKES)
def test_a_mistake_names_its_place_and_no_secret(tmp_path: Path, fields: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        told(tmp_path, f"[receivers.a]\n{fields}\n")
    assert str(caught.value).startswith(message)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ('[receivers.a]\nkind = "pigeon"\n', ":2:receivers.a.kind: "),
        ('[receivers.a]\nkind = "slack"\nsevereness = "x"\n', ":3:receivers.a.severeness: "),
        ('[receivers."a b"]\nkind = "slack"\n', "receivers"),
        ("[receivers.a]\nseverity = 'page'\n", "receivers.a"),
    ],
)
def test_a_mistake_of_form_names_file_line_and_key(tmp_path: Path, section: str, place: str) -> None:
    with pytest.raises(SettingsError) as caught:
        told(tmp_path, section)
    assert place in str(caught.value)


@pytest.mark.parametrize("entry", ["http://x", "a b", "10.0.0.0/99", "host:notaport"])
def test_a_mistake_in_the_allow_list_is_named(tmp_path: Path, entry: str) -> None:
    with pytest.raises(SettingsError, match=r"^alerts\.allow: "):
        told(tmp_path, f'[alerts]\nallow = ["{entry}"]\n[receivers.a]\nkind = "teams"\nurl = "https://t.example"\n')


@pytest.mark.parametrize("is_allowed", [True, False])
def test_only_what_is_allowed_is_dialled(tmp_path: Path, *, is_allowed: bool) -> None:
    with Loopback(lambda _: Answer(b"")) as server:
        allow = f'allow = ["{server.url.removeprefix("http://")}"]' if is_allowed else ""
        text = f'[alerts]\n{allow}\n[receivers.a]\nkind = "webhook"\nurl = "{server.url}"\n'
        receiver = told(tmp_path, text).receivers["a"]
        if is_allowed:
            receiver.deliver(FIRING, DELIVERY)
        else:
            with pytest.raises(PermanentError):
                receiver.deliver(FIRING, DELIVERY)
        assert len(server.asked) == is_allowed


def test_without_receivers_nobody_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, "[watch]\n") == Told({}, told(tmp_path, "").telling)
    assert issubclass(SettingsError, InputError)
