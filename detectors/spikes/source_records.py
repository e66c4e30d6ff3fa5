"""What the compiled mixing of sources reads and writes; as :mod:`detectors.spikes.records` for the detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HOURS = 24

SOURCE: np.dtype[np.void] = np.dtype(
    (
        np.record,
        np.dtype(
            [(name, "f8") for name in ("count", "share", "portion", "sum_y", "sum_usual", "trial_y", "trial_usual")]
            + [(name, "f8", (HOURS,)) for name in ("hour_y", "hour_usual")]
            + [(name, "i8") for name in ("status", "lost", "tried")]
            + [("is_silent", "?"), ("is_faulty", "?")],
            align=True,
        ),
    )
)


class Source(Protocol):
    """A record of :data:`SOURCE`: what is remembered of one source of one service.

    Attributes
    ----------
    count
        Discounted reports, from which the shares are.
    share, portion
        Part of the whole: on average, and at this hour of the day. 0 unless it is a member.
    sum_y, sum_usual
        Running sums of its reports and of what was usual for it.
    hour_y, hour_usual
        Shape (24,): discounted reports by hour of the day (UTC), and what its share would have brought.
    trial_y, trial_usual, tried
        While on trial: its reports, those of the whole in the same bins, how many bins.
    status
        UNSEEN, TRIAL, MEMBER or GONE of :mod:`detectors.spikes.mixing`.
    lost
        Bins in a row in which it could not be heard although another one could.
    is_silent
        Whether it says that there is nothing, where there should be much: it is left out.
    is_faulty
        Whether that is beyond doubt, or it has gone and still says nothing: it is told.
    """

    count: float
    share: float
    portion: float
    sum_y: float
    sum_usual: float
    trial_y: float
    trial_usual: float
    hour_y: Floats
    hour_usual: Floats
    status: int
    lost: int
    tried: int
    is_silent: bool
    is_faulty: bool


class Mixing(NamedTuple):
    """The numbers, in bins and per bin.

    Attributes
    ----------
    silence
        Lengths on whose evidence a source is silent.
    recent
        A source that has been heard in so many bins is not silent.
    gone
        Lost for longer than this, a source has gone.
    trial
        Bins until the share of one that came later is known.
    decay, hour_decay
        Discount of the counts per bin; of those of an hour of the day per bin of that hour.
    """

    silence: tuple[int, int, int]
    recent: int
    gone: int
    trial: int
    decay: float
    hour_decay: float


class Given(NamedTuple):
    """What a bin brought a service.

    Attributes
    ----------
    reports
        Shape (sources,): NaN = not observed.
    usual
        What the whole usually brings; NaN = not known.
    is_quiet
        Whether it is an ordinary bin, that shares may be learnt from.
    hour
        Time of the day, in hours UTC: [0, 24).
    """

    reports: Floats
    usual: float
    is_quiet: bool
    hour: float


class Block(NamedTuple):
    """Consecutive bins of all services.

    Attributes
    ----------
    observed
        Shape (series, sources, bins).
    hour
        Shape (bins,): the time of the day in their middle, in hours UTC.
    y, x
        Shape (series, bins): what :func:`mix` gives.
    """

    observed: Floats
    hour: Floats
    y: Floats
    x: Floats
