"""Messages to deliver, receivers on loopback, and servers that check what the platforms would."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from flows.net import Allow, Clock, Guard, Http, guarded_http
from flows.notify.message import Link, Message, RegionTold
from flows.notify.receivers.base import Delivery
from flows.notify.receivers.discord import DiscordReceiver
from flows.notify.receivers.pagerduty import PagerDutyReceiver
from flows.notify.receivers.slack import SlackReceiver
from flows.notify.receivers.teams import TeamsReceiver
from flows.notify.receivers.webhook import WebhookReceiver
from tests.flows.sources.loopback import Asked, Told

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.notify.receivers.base import Receiver

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "notify"
AT = datetime(2026, 3, 3, 18, 12, tzinfo=UTC)
CANARY = "canary-73115"
ROUTING_KEY = "canary73115aaaaaaaaaaaaaaaaaaaaa"
WEBHOOK_SECRET = "whsec_" + "Y2FuYXJ5NzMxMTVjYW5hcnk3MzExNQ=="
LOOPBACK = Guard(Allow.of(["127.0.0.1"]))
DELIVERY = Delivery("7c1c2f3e-0000-5000-8000-000000000001", 1, AT)


def minutes(number: float) -> datetime:
    return AT + timedelta(minutes=number)


FIRING = Message(
    incident_id="imessage-20260303T1805",
    revision=3,
    status="firing",
    state="updated",
    severity="page",
    service="imessage",
    service_name="iMessage",
    at=AT,
    sentence="iMessage: 13x the usual since 18:05 (18:02-18:08) UTC; 412 reports by 380 people.",
    starts_at=minutes(-7),
    group="apple",
    reason="two more regions",
    starts_low_at=minutes(-10),
    starts_high_at=minutes(-4),
    factor=13.2,
    n_reports=412,
    n_authors=380,
    sources=("x", "bluesky"),
    coverage=0.97,
    regions=(RegionTold("US", "United States", 14.0), RegionTold("CA", "Canada", 9.1), RegionTold("GB", "Britain")),
    unlocated_share=0.31,
    extent="worldwide",
    symptoms=(("messages-not-sending", 0.46), ("login", 0.12)),
    official="silent so far",
    recurrence="second in 7 days",
    also=("FaceTime",),
    would_change="counts back below 2x the usual for ten minutes",
    links=(
        Link("Incident", "https://uproar.example/incidents/imessage-20260303T1805?a=1&b=2"),
        Link("Status page", "https://www.apple.example/status/"),
    ),
)
RESOLVED = Message(
    incident_id=FIRING.incident_id,
    revision=4,
    status="resolved",
    state="resolved",
    severity="page",
    service="imessage",
    service_name="iMessage",
    at=minutes(60),
    sentence="iMessage: trouble from 18:05 to 18:52 UTC, 47 minutes; peak 13x the usual.",
    starts_at=minutes(-7),
    ends_at=minutes(40),
    ends_low_at=minutes(36),
    ends_high_at=minutes(44),
    n_reports=2031,
    n_authors=1650,
    links=FIRING.links[:1],
)
MINIMAL = Message(
    incident_id="i1",
    revision=1,
    status="firing",
    state="confirmed",
    severity="watch",
    service="x",
    service_name="X",
    at=AT,
    sentence="X: more reports than usual.",
    starts_at=AT,
)

HOSTILE_TEXTS = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "<!channel> <!here> <@U012AB3CD> <#C024BE91L> <https://evil.example|click>",
    "@everyone @here <@123456789012345678> <@&123456789012345678> <#12345> <:a:1>",
    "see https://evil.example/?x=1 or www.evil.example HTTP://EVIL.example mailto:a@evil.example",
    "[click](https://evil.example) ![x](https://evil.example/a.png) **bold** _it_ ~~no~~ `code` ```x``` # head > q",
    "\u202eevil\u202c \u2066x\u2069 \u200bzero\u200dwidth\ufeff",
    "z" + "\u0301\u0332\u0489" * 200 + "algo",
    "nul\x00 bell\x07 esc\x1b[31m \x9b31m del\x7f",
    "lone \ud800 surrogate \udfff end",
    "x" * 50_000,
    "&<>\"'" * 10_000,
    "\\" * 5_000 + "*" * 5_000,
    "\U0001f525" * 5_000,
    "subject\r\nBcc: victim@evil.example\r\n\r\nbody",
    "=?utf-8?q?evil?= \r\n.\r\nMAIL FROM:<evil@evil.example>",
    "{{ .Labels }} {{7*7}} ${7*7} #{7*7} <%= 7*7 %> {{DATE(2026-03-03T18:05:00Z)}} @{utcNow()} %{x}",
    '"}],"blocks":[{"type":"image"}]}',
    "=HYPERLINK(\"https://evil.example\",\"x\") |cmd' /C calc'!A0",
    "<at>everyone</at> javascript:alert(1) data:text/html,x",
    "\u2028\u2029\x85 line \v\f ends",
)  # fmt: skip


def hostile(text: str, *, status: Any = "firing") -> Message:
    """Return a message in which whatever is text is hostile."""
    return Message(
        incident_id=text,
        revision=1,
        status=status,
        state="updated" if status == "firing" else "dismissed",
        severity="page",
        service=text,
        service_name=text,
        at=AT,
        sentence=text,
        starts_at=AT,
        group=text,
        reason=text,
        factor=2.0,
        n_reports=3,
        n_authors=2,
        sources=(text, text),
        regions=tuple(RegionTold(text, text, 2.0) for _ in range(9)),
        extent=text,
        symptoms=((text, 0.5),) * 9,
        official=text,
        recurrence=text,
        also=(text,) * 3,
        would_change=text,
        links=(
            Link(text, f"https://uproar.example/{text}"),
            Link(text, text),
            Link("x", "javascript:alert(1)"),
            Link("<!channel>", "https://user:pass@evil.example/"),
            Link("two", "https://uproar.example/a|b>c<d)e]f"),
        ),
        posts=(text,) * 9,
    )


CASES = {
    "firing": FIRING,
    "resolved": RESOLVED,
    "minimal": MINIMAL,
    "hostile": hostile(" ".join(text[:60] for text in HOSTILE_TEXTS)),
}


def golden(name: str, made: Any) -> Any:
    """Return what is written under ``name``; write it first with ``UPROAR_REGENERATE=1``, to be looked at."""
    path = GOLDEN / f"{name}.json"
    if os.environ.get("UPROAR_REGENERATE") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(made, indent=2, ensure_ascii=True) + "\n", "utf-8")
    return json.loads(path.read_text("utf-8"))


def client(now: datetime = AT) -> Http:
    """Return a guarded client that may dial loopback."""
    return guarded_http(LOOPBACK, clock=Clock(lambda: now, lambda _: None), timeout_s=5)


def receiver(kind: str, url: str, http: Http) -> Receiver:
    """Build a receiver whose every secret is a canary."""
    at = f"{url}/{CANARY}"
    builders: dict[str, Callable[[], Receiver]] = {
        "webhook": lambda: WebhookReceiver(
            name="hook", url=at, http=http, secret=WEBHOOK_SECRET, authorization=f"Bearer {CANARY}"
        ),
        "slack": lambda: SlackReceiver(name="chat", url=at, http=http),
        "discord": lambda: DiscordReceiver(name="chat", url=at, http=http),
        "teams": lambda: TeamsReceiver(name="chat", url=f"{at}?sig={CANARY}", http=http),
        "pagerduty": lambda: PagerDutyReceiver(name="oncall", routing_key=ROUTING_KEY, url=at, http=http),
    }
    return builders[kind]()


# --- what the platforms would check --------------------------------------------------------------------------


class WrongError(AssertionError):
    """What the platform would refuse."""


def need(truth: object, why: str) -> None:
    if not truth:
        raise WrongError(why)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def slack(asked: Asked) -> Told:
    """Answer as Slack does."""
    body = json.loads(asked.body)
    need(set(body) == {"text", "blocks", "unfurl_links", "unfurl_media"}, "fields")
    need(body["unfurl_links"] is body["unfurl_media"] is False, "unfurls")
    need(0 < units(body["text"]) <= 40_000 and len(body["blocks"]) <= 50, "sizes")
    slack_text(body["text"], may_link=False)
    for block in body["blocks"]:
        if block["type"] == "header":
            need(block["text"]["type"] == "plain_text" and 0 < units(block["text"]["text"]) <= 150, "header")
        elif "fields" in block:
            need(0 < len(block["fields"]) <= 10, "fields")
        for text in [block["text"]] if "text" in block else block["fields"]:
            need(0 < units(text["text"]) <= (3000 if "text" in block else 2000), "text")
            need(text["type"] == "plain_text" or text["verbatim"] is True, "verbatim")
            slack_text(text["text"], may_link=text["type"] == "mrkdwn")
    return Told(b"ok", headers={"Content-Type": "text/html"})


def slack_text(text: str, *, may_link: bool) -> None:
    """Check that nothing in a text commands: every angle bracket is a link of ours, every ampersand an escape."""
    if may_link:
        text = re.sub(r"<https?://[^<>|\s]+\|[^<>|]+>", "", text)
    need(not set("<>") & set(text), "angle bracket")
    need(not re.search(r"&(?!amp;|lt;|gt;)", text), "ampersand, or an escape that was cut")


def discord(asked: Asked) -> Told:
    """Answer as Discord does."""
    body = json.loads(asked.body)
    need(asked.params["wait"] == "true", "wait")
    need(body["allowed_mentions"] == {"parse": []}, "mentions")
    need(units(body["content"]) <= 2000, "content")
    [embed] = body["embeds"]
    fields = embed.get("fields", [])
    need(len(fields) <= 25 and units(embed["title"]) <= 256 and units(embed["description"]) <= 4096, "embed")
    need(all(0 < units(f["name"]) <= 256 and 0 < units(f["value"]) <= 1024 for f in fields), "field")
    texts = [embed["title"], embed["description"], *(t for f in fields for t in (f["name"], f["value"]))]
    need(sum(map(units, texts)) <= 6000, "sum")
    for text in [body["content"], *texts]:
        rest = re.sub(r"(?m)^\[(?:\\.|[^\\\]])+\]\(https?://[^\s()]+\)$", "", text) if text == texts[1] else text
        rest = re.sub(r"\\[!-/:-@\[-`{-~]", "", rest)
        need(not re.search(r"[*_~`|<>\[\]#@\\]", rest), f"markup {rest[:200]!r}")
    return Told(b'{"id": "1"}')


def teams(asked: Asked) -> Told:
    """Answer as a workflow does."""
    need(len(asked.body) <= 28 * 1024, "size")
    body = json.loads(asked.body)
    [attachment] = body["attachments"]
    need(body["type"] == "message", "type")
    need(attachment["contentType"] == "application/vnd.microsoft.card.adaptive", "content type")
    card = attachment["content"]
    need((card["type"], card["version"]) == ("AdaptiveCard", "1.4"), "card")
    need("entities" not in card["msteams"], "mentions")
    for block in card["body"]:
        need(block["type"] == "RichTextBlock", "a block that reads Markdown")
        for run in block["inlines"]:
            need(run["type"] == "TextRun" and run["text"] and "{" not in run["text"], "run")
    for action in card.get("actions", ()):
        need(action["type"] == "Action.OpenUrl" and re.match(r"https?://", action["url"]), "action")
    return Told(b"", 202)


def pagerduty(asked: Asked) -> Told:
    """Answer as the Events API does."""
    body = json.loads(asked.body)
    event = body["payload"]
    try:
        need(len(body["routing_key"]) == 32, "key")
        need(body["event_action"] in {"trigger", "resolve"} and 0 < len(body["dedup_key"]) <= 255, "action")
        need(0 < len(event["summary"]) <= 1024 and event["source"], "summary, source")
        need(event["severity"] in {"critical", "error", "warning", "info"}, "severity")
        need(datetime.fromisoformat(event["timestamp"]).tzinfo, "timestamp")
        need(len(asked.body) <= 512_000, "size")
        need(all(re.match(r"https?://", link["href"]) for link in body.get("links", ())), "links")
    except WrongError:
        return Told(b'{"status": "invalid event", "errors": []}', 400)
    return Told(json.dumps({"status": "success", "dedup_key": body["dedup_key"]}).encode(), 202)


def changed(message: Message, **changes: Any) -> Message:
    """Return a message with some fields changed."""
    return replace(message, **changes)
