"""Every detector by its name: ours, and published ones to compare it with, behind one protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from detectors.errors import InputError, StateError
from detectors.spikes.bank import STATE_VERSION, Bank
from detectors.spikes.peers.ears import EarsC1, EarsC2, EarsC3
from detectors.spikes.peers.ewma import Ewma
from detectors.spikes.peers.farrington import Farrington
from detectors.spikes.peers.focus import PoissonFocus
from detectors.spikes.peers.gaussian import WindowedGaussian
from detectors.spikes.peers.gnip import GnipPoisson
from detectors.spikes.peers.nb_tail import NegBinTail
from detectors.spikes.peers.shesd import Shesd
from detectors.spikes.plain import PLAIN_STATE_VERSION, PlainCount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from numpy.typing import ArrayLike

    from detectors.spikes.bank import Scores
    from detectors.spikes.peers.base import Peer


class Detector(Protocol):
    """A detector of many series with bins of one width; it takes bins in order of time and looks at none twice."""

    def step(self, observed: ArrayLike) -> Scores:
        """Take the next bin of every series, shape (series,)."""
        ...

    def run(self, observed: ArrayLike) -> Scores:
        """Take the next bins of every series, shape (series, bins); the same as as many steps."""
        ...

    def state(self) -> dict[str, Any]:
        """Return everything that the future depends on, as JSON can carry it; ``version`` says whose it is."""
        ...


@dataclass(frozen=True)
class Entry:
    """How a detector is made.

    Attributes
    ----------
    create
        ``create(n_series, bin_width_s=..., start_at=...)``.
    restore
        From what :meth:`Detector.state` gave; raises StateError.
    version
        The version of its state.
    source
        Where the method comes from.
    """

    create: Callable[..., Detector]
    restore: Callable[[Mapping[str, Any]], Detector]
    version: str
    source: str


def _peer(kind: type[Peer], source: str) -> Entry:
    return Entry(kind, kind.from_state, kind.VERSION, source)


DETECTORS: dict[str, Entry] = {
    "uproar": Entry(Bank, Bank.from_state, STATE_VERSION, "this project"),
    "plain-count": Entry(
        PlainCount, PlainCount.from_state, PLAIN_STATE_VERSION, "common practice: a count, and a multiple of the median"
    ),
    "ears-c1": _peer(EarsC1, "Hutwagner et al. 2003; Fricker, Hegler and Dunfee 2008"),
    "ears-c2": _peer(EarsC2, "Hutwagner et al. 2003; Fricker, Hegler and Dunfee 2008"),
    "ears-c3": _peer(EarsC3, "Hutwagner et al. 2003; Fricker, Hegler and Dunfee 2008"),
    "ewma": _peer(Ewma, "Motoyama et al. 2010; Lucas and Saccucci 1990"),
    "farrington": _peer(Farrington, "Noufaily et al. 2013 (Farrington Flexible)"),
    "nb-tail": _peer(NegBinTail, "common practice: Hoehle and Paul 2008, with a runs rule"),
    "poisson-focus": _peer(PoissonFocus, "Ward, Dilillo, Eckley and Fearnhead 2023"),
    "s-h-esd": _peer(Shesd, "Vallis, Hochenbaum and Kejariwal 2014"),
    "gnip-poisson": _peer(GnipPoisson, "Hendrickson et al. 2015 (Gnip)"),
    "windowed-gaussian": _peer(WindowedGaussian, "Lavin and Ahmad 2015 (Numenta Anomaly Benchmark)"),
}
"""Name to entry."""


def create(name: str, n_series: int = 1, *, bin_width_s: int, start_at: datetime) -> Detector:
    """Return a new detector.

    Parameters
    ----------
    name
        A key of :data:`DETECTORS`.
    n_series
        How many series.
    bin_width_s
        Width of a bin in seconds, 1 to 3600.
    start_at
        Start of the first bin (aware).

    Raises
    ------
    InputError
        If there is no detector of that name.
    SeriesError
        If another argument cannot be used.
    """
    if name not in DETECTORS:
        raise InputError(f"no detector {name!r}; there are {', '.join(sorted(DETECTORS))}")
    return DETECTORS[name].create(n_series, bin_width_s=bin_width_s, start_at=start_at)


def restore(state: Mapping[str, Any]) -> Detector:
    """Return the detector that gave this state.

    Raises
    ------
    StateError
        If no detector has a state of this version, or it is damaged.
    """
    version = state.get("version")
    for entry in DETECTORS.values():
        if entry.version == version:
            return entry.restore(state)
    raise StateError(f"detector state of version {version!r} is of no detector here: score the series again")
