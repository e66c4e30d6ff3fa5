"""The sample that travels with the program: an invented outage of iMessage among the noise of four services.

``scripts/make_sample`` writes it to ``data/samples``; the names of the services are said here, so that a change of
the catalogue does not change the sample.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.evaluation.simulate.places import MIXES
from detectors.evaluation.simulate.posts import posts_truth, simulate_posts, to_lines
from detectors.evaluation.simulate.scenario import (
    CommutePeak,
    Delays,
    NewsBump,
    Noise,
    Outage,
    Rhythm,
    Scenario,
    ServiceTraffic,
    ViralCluster,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 20_260_306
"""The sample's own seed, in no namespace of :func:`~detectors.evaluation.simulate.draw.seeds`.

Chosen so that chance alone raises no alarm on the true reports: a sample shows how things work, it measures nothing.
"""

STEM = "imessage_simulated"
"""What the sample's files are called, before ``.jsonl.gz`` and ``.truth.json``."""

ONSET_AT = datetime(2026, 3, 3, 18, 5, tzinfo=UTC)
"""When the invented outage begins."""

_LEISURE = (1.0, 1.0, 1.0, 1.0, 1.05, 1.0, 0.7)
_OFFICE = (1.2, 1.25, 1.2, 1.15, 1.0, 0.45, 0.4)


def sample_scenario() -> Scenario:
    """Return the scenario of the sample: three and a half days, the first a quiet Sunday."""
    return Scenario(
        start_at=datetime(2026, 3, 1, tzinfo=UTC),
        days=3.5,
        services=(_imessage(), _outlook(), _whatsapp(), _instagram()),
        outages=(
            Outage(
                "imessage",
                ONSET_AT,
                duration_min=47,
                factor=13,
                rise_min=6,
                decay_min=18,
                symptoms=(
                    ("cannot send", 0.46),
                    ("delayed", 0.27),
                    ("sign-in", 0.11),
                    ("cannot receive", 0.08),
                    ("falls back to SMS", 0.08),
                ),
            ),
        ),
        news=(NewsBump("imessage", datetime(2026, 3, 4, 8, 10, tzinfo=UTC), 200, factor=4, repost_share=0.85),),
        clusters=(ViralCluster("instagram", datetime(2026, 3, 2, 20, 20, tzinfo=UTC), 14, 25),),
        background_per_min=0.45,
        delays=Delays(late_share=0.02, median_min=8),
    )


def _imessage() -> ServiceTraffic:
    return ServiceTraffic(
        "imessage",
        1.3,
        MIXES["america"],
        Rhythm(night_floor=0.2, evening_share=0.45, weekday=_LEISURE),
        Noise("negbin", phi=0.03),
        symptoms=(
            ("total outage", 0.24),
            ("cannot send", 0.2),
            ("sign-in", 0.14),
            ("delayed", 0.12),
            ("sync", 0.1),
            ("falls back to SMS", 0.08),
            ("receipts and typing", 0.06),
            ("attachments", 0.06),
        ),
        chatter_ratio=0.3,
        names=("iMessage", "i message", "imesage"),
        devices=(
            "iPhone 15",
            "iPhone 15 Pro",
            "iPhone 14",
            "iPhone 13 mini",
            "iPhone 16",
            "iPhone SE",
            "iPad",
            "MacBook",
        ),
    )


def _outlook() -> ServiceTraffic:
    return ServiceTraffic(
        "outlook",
        0.35,
        MIXES["world"],
        Rhythm(0.1, 0.12, _OFFICE, commute=(CommutePeak(8.6, 0.8, 25, 8),)),
        Noise("negbin", phi=0.03),
        symptoms=(("mail", 0.5), ("sign-in", 0.25), ("slow", 0.15), ("total outage", 0.1)),
        chatter_ratio=0.3,
        names=("Outlook", "outlook app", "ms outlook"),
        devices=("work laptop", "Windows PC", "Mac", "iPhone 15", "Android phone"),
    )


def _whatsapp() -> ServiceTraffic:
    return ServiceTraffic(
        "whatsapp",
        0.35,
        MIXES["elsewhere"],
        Rhythm(0.2, 0.5, _LEISURE, commute=(CommutePeak(17.8, 0.5, 25, 10),)),
        Noise("negbin", phi=0.03),
        symptoms=(("total outage", 0.4), ("cannot send", 0.25), ("delayed", 0.2), ("sign-in", 0.15)),
        chatter_ratio=0.3,
        names=("WhatsApp", "whats app", "whatsap"),
    )


def _instagram() -> ServiceTraffic:
    return ServiceTraffic(
        "instagram",
        0.45,
        MIXES["world"],
        Rhythm(0.2, 0.6, _LEISURE),
        Noise("negbin", phi=0.05),
        symptoms=(("feed", 0.4), ("sign-in", 0.25), ("app crash", 0.2), ("total outage", 0.15)),
        chatter_ratio=0.4,
        names=("Instagram", "insta", "instagram app"),
    )


def sample_lines() -> Iterator[bytes]:
    """Yield the sample's posts as lines of JSON."""
    return to_lines(simulate_posts(sample_scenario(), seed=SEED))


def sample_truth(n_posts: int) -> bytes:
    """Return the truth about the sample as JSON, marked as simulated."""
    truth = msgspec.to_builtins(posts_truth(sample_scenario(), seed=SEED))
    told: dict[str, Any] = {"simulated": True, "what": "An invented outage; nothing of this happened.", **truth}
    told["n_posts"] = n_posts
    return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"
