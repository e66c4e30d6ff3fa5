"""The vocabulary: what flows from a post to a notification, in the field's own words.

::

    Post -> Report -> CountSeries -> Baseline -> Alarm -> Incident -> Transition

Everything is immutable. What comes from outside (:class:`Post`) is validated when it is decoded, what we make ourselves
where a mistake would be silent. Instants are aware and UTC (``_at``); units stand in the names (``bin_width_s``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from detectors.errors import SeriesError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Severity = Literal["watch", "page"]
"""``page``: several times usual, for waking people. ``watch``: any credible rise, for looking."""

State = Literal["suspected", "confirmed", "updated", "resolved", "dismissed"]
"""The states of an incident; ``resolved`` and ``dismissed`` are final."""

Instant = Annotated[datetime, Meta(tz=True)]  # naive times are refused when decoded

ShortText = Annotated[str, Meta(min_length=1, max_length=512)]
MIN_BIN_WIDTH_S, MAX_BIN_WIDTH_S = 1, 3600


# --- what a platform gave us ---------------------------------------------------------------------------------


class Geo(Struct, frozen=True, gc=False, omit_defaults=True):
    """Where a platform says that a post comes from; ``lat`` and ``lon`` in degrees."""

    country: str | None = None
    state: str | None = None
    city: str | None = None
    zip: str | None = None
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None


class PostExtra(Struct, frozen=True, gc=False, omit_defaults=True):
    """What only some platforms know. ``service``, where given, makes the post a report without matching."""

    service: str | None = None
    symptom: str | None = None
    subreddit: str | None = None
    instance: str | None = None
    url: str | None = None
    account_created_at: Instant | None = None
    received_at: Instant | None = None


class Post(Struct, frozen=True, gc=False, omit_defaults=True):
    """One post, as a platform gave it to us. A null author counts as a voice of its own.

    >>> import msgspec
    >>> line = b'{"id":"1","platform":"x","created_at":"2026-03-01T18:05:00Z","text":"imessage down?"}'
    >>> msgspec.json.decode(line, type=Post).text
    'imessage down?'
    """

    id: ShortText
    platform: ShortText
    created_at: Instant
    text: str
    lang: str | None = None
    author_id: str | None = None
    user_location: str | None = None
    geo: Geo | None = None
    is_repost: bool = False
    extra: PostExtra | None = None


class Span(Struct, frozen=True, gc=False):
    """``start_at <= t < end_at`` (UTC), of which a source has seen the share ``coverage``, in (0, 1]."""

    start_at: Instant
    end_at: Instant
    coverage: float = 1.0


class Gap(Struct, frozen=True, gc=False):
    """A stretch that a source could not show us, and why: neither health nor outage."""

    start_at: Instant
    end_at: Instant
    reason: str


class Batch(Struct, frozen=True):
    """What one fetch from a source brought: committed whole, or not at all.

    Attributes
    ----------
    posts
        In the order in which the source gave them.
    cursor
        Opaque to everybody but the source: where the next fetch goes on.
    observed
        What of the time the source vouches for; a minute outside every span is unknown.
    deleted
        ``(platform, id)`` of posts that are to be forgotten.
    gap
        A hole in what the source could show.
    skipped
        Lines that could not be used: ``file:line: what is wrong``.
    file, lines
        Where each of the posts stands, if they come from a file.
    """

    posts: tuple[Post, ...]
    cursor: str
    observed: tuple[Span, ...] = ()
    deleted: tuple[tuple[str, str], ...] = ()
    gap: Gap | None = None
    skipped: tuple[str, ...] = ()
    file: str = ""
    lines: tuple[int, ...] = ()


# --- what we make of it --------------------------------------------------------------------------------------


class Report(Struct, frozen=True, gc=False):
    """A post judged to be about trouble with one service. It travels beside its post: ``(post, report)``.

    Attributes
    ----------
    service
        The service's id in the catalogue, for instance ``imessage``.
    weight
        P(first-hand or asking), in (0, 1]. 1 until the first-hand filter tells them apart.
    label
        What kind of post it is; ``report`` until the first-hand filter tells them apart.
    is_repost
        Kept and counted beside, never in the series that the detector reads.
    symptoms
        What is broken, in the words of the symptom lexicon or of the form that was filled in; empty where the
        post does not say.
    """

    service: str
    weight: float = 1.0
    label: str = "report"
    is_repost: bool = False
    symptoms: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class CountSeries:
    """Counts of one service from one source, in evenly spaced bins.

    Attributes
    ----------
    service, source
        What is counted, and where it was seen.
    start_at
        Start of the first bin (UTC).
    bin_width_s
        Width of a bin in seconds, 1 to 3600.
    observed
        Shape (bins,): independent voices, that is distinct authors of original reports, each with the weight of
        their best report. NaN where the bin was not observed, never 0.
    raw
        Shape (bins,): every report, reposts too. NaN where the bin was not observed.
    coverage
        Shape (bins,): share of the bin that was observed, 0 to 1.
    """

    service: str
    source: str
    start_at: datetime
    bin_width_s: int
    observed: NDArray[np.float64]
    raw: NDArray[np.float64]
    coverage: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.start_at.utcoffset() != timedelta(0):
            raise SeriesError(f"{self.service}: start_at must be aware and UTC, not {self.start_at!r}")
        if not MIN_BIN_WIDTH_S <= self.bin_width_s <= MAX_BIN_WIDTH_S:
            raise SeriesError(f"{self.service}: bin_width_s must be 1 to 3600, not {self.bin_width_s}")
        if not self.observed.shape == self.raw.shape == self.coverage.shape:
            raise SeriesError(f"{self.service}: observed, raw and coverage differ in length")
        if (self.observed < 0).any():
            raise SeriesError(f"{self.service}: a count below 0")

    def __len__(self) -> int:
        return len(self.observed)

    @property
    def end_at(self) -> datetime:
        """End of the last bin (UTC)."""
        return self.start_at + timedelta(seconds=self.bin_width_s * len(self))

    def to_frame(self) -> pd.DataFrame:
        """Return the bins as a frame with a UTC index: ``observed, raw, coverage``."""
        import pandas as pd

        index = pd.date_range(self.start_at, periods=len(self), freq=f"{self.bin_width_s}s", name="bin_at")
        return pd.DataFrame({"observed": self.observed, "raw": self.raw, "coverage": self.coverage}, index=index)


class SeriesKey(Struct, frozen=True, order=True):
    """Which series: one service as one source sees it, in bins of ``bin_width_s`` seconds."""

    service: str
    source: str
    bin_width_s: int = 60


@dataclass(frozen=True, eq=False)
class Baseline:
    """What is usual: each array has shape (bins,), in reports per bin, NaN while it is not known.

    Attributes
    ----------
    expected
        The usual rate.
    dispersion
        phi of the variance ``mu + phi mu**2``, dimensionless.
    upper
        A bin above this is unusual by itself (99 % bound).
    """

    expected: NDArray[np.float64]
    dispersion: NDArray[np.float64]
    upper: NDArray[np.float64]


class Estimate(Struct, frozen=True):
    """An instant that we estimate, with its interval (90 %)."""

    at: Instant
    low_at: Instant
    high_at: Instant


class Alarm(Struct, frozen=True):
    """The decision that a spike began: statistical, not yet a claim about the world.

    Attributes
    ----------
    alarmed_at
        When it could be known: the end of the bin that fired.
    last_alarm_at
        End of the latest bin that still fired.
    score
        The largest score so far; 1 = alarm at the default threshold.
    window_start_at
        Start of the window that fired.
    escalated_at
        When it was announced again because it had become much worse.
    closed_at
        When an observed hour had gone by without a bin that fires; None while it is open.
    """

    severity: Severity
    alarmed_at: Instant
    last_alarm_at: Instant
    score: float
    window_start_at: Instant
    escalated_at: tuple[Instant, ...] = ()
    closed_at: Instant | None = None

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.closed_at is None


class Incident(Struct, frozen=True, kw_only=True):
    """Our claim that a service is, or was, in trouble. The *outage* is the truth; this is what we say of it.

    Attributes
    ----------
    id
        Stable: the same from every run over the same counts.
    onset, ended
        When it began and when it was over, each with an interval; ``ended`` is None while it is open.
    suspected_at, confirmed_at, alarmed_at
        When we first could have known (watch), when we were sure, and when it reached ``severity``.
    peak, expected_at_peak
        Independent voices in the fullest bin, and what was usual for that bin.
    n_reports, n_authors
        Reports (reposts too) and independent voices from onset to end, or to now.
    symptoms
        By symptom, which share of the reports that name any symptom name this one, largest first. A report may name
        several; empty if none names any.
    revision
        Counts the transitions that this record has been through.
    """

    id: str
    service: str
    source: str
    severity: Severity
    state: State
    onset: Estimate
    suspected_at: Instant
    alarmed_at: Instant
    confirmed_at: Instant | None = None
    ended: Estimate | None = None
    resolved_at: Instant | None = None
    score: float
    peak: float
    peak_at: Instant
    expected_at_peak: float
    n_reports: int
    n_authors: int
    symptoms: tuple[tuple[str, float], ...] = ()
    bin_width_s: int = 60
    revision: int = 1

    @property
    def factor(self) -> float:
        """Peak over expected; infinite where nothing at all was expected."""
        return self.peak / self.expected_at_peak if self.expected_at_peak > 0 else float("inf")

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.state not in ("resolved", "dismissed")


class Transition(Struct, frozen=True):
    """A change of an incident's state, and why: the unit of alerting."""

    incident_id: str
    revision: int
    at: Instant
    old: State | None
    new: State
    severity: Severity
    reason: str


# --- the services catalogue ----------------------------------------------------------------------------------


class StatusPage(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a service says officially how it is."""

    family: Literal["statuspage", "apple", "google", "slack", "atom", "account", "html"]
    url: str


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """One service that people post about.

    Attributes
    ----------
    id
        Lower case, digits and hyphens: ``imessage``, ``microsoft-365``.
    vendor
        Id shared by the services of one company: sister services fail together.
    family
        What kind of service it is; decides which symptoms can be meant.
    aliases
        What people call it, any case; enough by itself beside a cue word such as "down".
    ambiguous
        Names that also mean other things ("teams", "x"): they need a cue word close by.
    needs
        Ids of services that it cannot do without.
    regions
        ISO 3166-1 codes of where its users are; empty = worldwide.
    subreddits
        Where on Reddit its users meet.
    """

    id: str
    name: str
    vendor: str
    family: str
    aliases: tuple[str, ...]
    ambiguous: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    status: StatusPage | None = None
    regions: tuple[str, ...] = ()
    subreddits: tuple[str, ...] = ()


def utc(seconds: float) -> datetime:
    """Return the instant ``seconds`` after 1970-01-01 00:00 UTC.

    >>> utc(0).isoformat()
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(seconds, UTC)
