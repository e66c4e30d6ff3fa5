"""A receipt: an alarm computed again from the store, held against what is on record and was told."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.errors import InputError
from detectors.incidents.lifecycle import build_histories
from detectors.spikes import Parameters
from detectors.spikes.bank import STATE_VERSION
from flows.steps.regions import find_local, read_located, with_local
from flows.steps.showing import group_behind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.model import CountSeries, Incident
    from flows.store import Kept, Store

CLOSE = 1e-9
"""Relative difference of two numbers that are the same."""

_COMPARED = ("severity", "region", "suspected_at", "alarmed_at", "confirmed_at", "score", "peak", "expected_at_peak")


@dataclass(frozen=True)
class Check:
    """One figure as it is on record, and as it was computed again."""

    name: str
    recorded: Any
    recomputed: Any

    @property
    def agrees(self) -> bool:
        """Whether the two are the same."""
        one, other = self.recorded, self.recomputed
        if isinstance(one, float) and isinstance(other, float):
            return math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE)
        return bool(one == other)


@dataclass(frozen=True)
class Input:
    """The counts of one source, up to the bin that alarmed: how many bins, and the hash of counts and coverage."""

    source: str
    start_at: datetime
    end_at: datetime
    n_bins: int
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """What an alarm was made of.

    Attributes
    ----------
    version, parameters
        Of the detector.
    inputs
        What it was computed from, by source.
    checks
        What is on record beside what comes out of the inputs now.
    told
        The messages about the incident, the oldest first.
    """

    incident_id: str
    version: str
    parameters: dict[str, Any]
    inputs: tuple[Input, ...]
    checks: tuple[Check, ...]
    told: tuple[Kept, ...]

    @property
    def agrees(self) -> bool:
        """Whether everything on record comes out again."""
        return all(check.agrees for check in self.checks)

    def record(self) -> dict[str, Any]:
        """Return the receipt as JSON can hold it."""
        return {
            "incident_id": self.incident_id,
            "agrees": self.agrees,
            "detector": "uproar",
            "version": self.version,
            "parameters": self.parameters,
            "inputs": [asdict(one) for one in self.inputs],
            "checks": [
                {"name": one.name, "recorded": one.recorded, "recomputed": one.recomputed, "agrees": one.agrees}
                for one in self.checks
            ],
            "told": [
                {"id": row.id, "receiver": row.receiver, "status": row.status, "state": row.state, "at": row.created_at}
                for row in self.told
            ],
        }

    def lines(self) -> tuple[str, ...]:
        """Return the receipt for a terminal."""
        head = "agrees: what is on record comes out of the stored counts again"
        if not self.agrees:
            head = "DIFFERS: the stored counts give something else than what is on record"
        rows = [f"Receipt of {self.incident_id}", f"  {head}", f"  detector  uproar, {self.version}"]
        for one in self.inputs:
            span = f"{one.start_at:%Y-%m-%d %H:%M} to {one.end_at:%Y-%m-%d %H:%M} UTC"
            rows.append(f"  counts    {one.source}: {one.n_bins:,} bins, {span}, sha256 {one.sha256[:16]}")
        for check in self.checks:
            mark = "=" if check.agrees else "!"
            again = "" if check.agrees else f"; now {_shown(check.recomputed)}"
            rows.append(f"  {mark} {check.name:<17} {_shown(check.recorded)}{again}")
        rows += [
            f"  told      {row.receiver} {row.status}, {row.created_at:%Y-%m-%d %H:%M} UTC: {row.state}, id {row.id}"
            for row in self.told
        ]
        return tuple(rows)


def make_receipt(store: Store, incident: Incident) -> Receipt:
    """Compute an incident again from the counts in the store.

    Raises
    ------
    InputError
        Another detector than ours found it.
    """
    group = group_behind(store, incident)
    checkpoint = store.checkpoint(group.key)
    name = checkpoint[1].get("detector", "uproar") if checkpoint else "uproar"
    if name != "uproar":
        raise InputError(f"only alarms of the detector 'uproar' have a receipt; {name!r} found this one")
    every = group.read(store, None)
    series, scored = group.score(every)
    located = read_located(store, group, series, scored)
    derived = with_local(build_histories(series, scored), located, find_local(located).alarms)
    found = next((one.incident for one in derived if one.incident.id == incident.id), None)
    checks = [Check("incident", incident.id, found.id if found else None)]
    if found:
        checks += [Check(name, getattr(incident, name), getattr(found, name)) for name in _COMPARED]
        checks += [Check("onset", incident.onset.at, found.onset.at)]
    return Receipt(
        incident.id,
        STATE_VERSION,
        asdict(Parameters()),
        tuple(_input(one, incident) for one in every),
        tuple(checks),
        tuple(reversed(store.deliveries(incident_id=incident.id))),
    )


def _input(series: CountSeries, incident: Incident) -> Input:
    """Hash what was known when it alarmed."""
    stop = round((incident.alarmed_at - series.start_at).total_seconds() / series.bin_width_s)
    counts, coverage = series.observed[:stop], series.coverage[:stop]
    digest = sha256(_bytes(counts) + _bytes(coverage)).hexdigest()
    return Input(series.source, series.start_at, min(series.end_at, incident.alarmed_at), len(counts), digest)


def _bytes(values: Sequence[float] | np.ndarray[Any, np.dtype[np.float64]]) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()


def _shown(value: Any) -> str:  # noqa: ANN401 - any field of an incident
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "-" if value in (None, "") else str(value)
