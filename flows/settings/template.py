"""What ``uproar init`` writes: every setting with its default."""

from __future__ import annotations

TEMPLATE = """\
# Uproar's configuration. Every value below is the default; a line that starts with # changes nothing.
# UPROAR_<SECTION>_<KEY> in the environment replaces a single value, for instance UPROAR_STORE_URL.
# A secret can be named instead of written down: "env:NAME" takes it from the environment, "prefect:NAME" from a
# Prefect Secret block (only under `uproar serve` and Prefect deployments).

[store]
# Where reports, counts and incidents are kept: a SQLite file, or postgresql://user@host/database.
url = "sqlite:///uproar.db"
# Stored authors are a keyed hash. Put a long random text into UPROAR_STORE_SECRET; live sources want one.
# secret = ""

[watch]
# Seconds between two runs of `uproar serve` and `uproar watch --every`.
every_s = 60
# Width of a bin, and how long a bin may still receive late posts before it is judged, in seconds.
bin_width_s = 60
settle_s = 60
# Ids of the services to watch (`uproar init --list` shows them); [] means all of the catalogue.
services = []

[sources]
# Files of posts, one JSON object a line (.jsonl, .jsonl.gz, .jsonl.zst). They may grow while they are read.
archive = []
# Seconds without a sign of life after which a request has failed.
timeout_s = 15
# Minutes that the first fetch from a platform reaches back, where the platform lets it.
lookback_min = 15

[bluesky]
# Every public post, without an account. On where there is a store.secret and no other source is configured.
# enabled = true
urls = ["wss://jetstream1.us-east.bsky.network/subscribe", "wss://jetstream2.us-east.bsky.network/subscribe",
        "wss://jetstream1.us-west.bsky.network/subscribe", "wss://jetstream2.us-west.bsky.network/subscribe"]

[hackernews]
# New stories and comments, without an account. On as bluesky is.
# enabled = true
url = "https://hn.algolia.com"

[mastodon]
# Servers whose public tag timelines are read, for instance ["mastodon.social"].
instances = []
# Where they are asked; {host} stands for the server, so that a proxy can take their place.
url = "https://{host}"
# Servers that show their timelines to members only; each gets its own token and no other.
# tokens = { "mastodon.social" = "env:MASTODON_SOCIAL_TOKEN" }

[reddit]
# A script application that Reddit has approved; on where it is named.
client_id = ""
# client_secret = "env:REDDIT_CLIENT_SECRET"

[x]
# Costs money; on where a token is named. "counts" counts posts and reads some only after an alarm.
# bearer_token = "env:X_BEARER_TOKEN"
mode = "counts"
# Dollars a calendar month (UTC) that may be spent; nothing is asked without it.
budget_usd = 0
# Seconds between two requests for a service: each costs $0.005.
every_s = 300
# Ids of the services to ask for; [] means those of [watch], which then must be named.
services = []
url = "https://api.x.com"

[status]
# Official status pages of the watched services. On where a live source is.
# enabled = true
every_s = 60

[alerts]
# Address of an incident's page, with {incident} for its id, where you publish them.
# link = "https://status.example.com/incidents/{incident}"
# Whether messages quote posts.
with_posts = false
# Private, loopback and metadata addresses are refused, but for these: hosts, host:port, networks.
allow = []
# Minutes between two messages about one incident, unless it is graver or over; how many beyond beginning and end.
update_after_min = 10
most_updates = 6
# Services of one company, or that need each other, are told as one if they begin within so many minutes.
together_min = 15

# Who is told: one section each, [receivers.NAME]. `uproar test-receiver NAME` sends a test. docs/receivers.md has all.
# [receivers.oncall]
# kind = "slack"        # webhook, slack, discord, teams, pagerduty, alertmanager, email, apprise
# url = "env:SLACK_WEBHOOK"
# severity = "page"     # or "watch": any credible rise
# services = []         # ids; [] = all that are watched
# regions = []          # "US", "US-TX", ...; [] = anywhere
# repeat_h = 0          # hours between two reminders of what goes on; 0 = none

[privacy]
# Hours that texts, ids and places of posts are kept; then only counts are.
keep_h = 48
"""
