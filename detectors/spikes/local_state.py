"""What is remembered of regions, as JSON can carry it: rings are nearly empty, so only what is in them is kept."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.baselines.regional import RegionalBaseline, empty_table
from detectors.spikes.state import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

RINGS = ("ring", "kept")


def pack_baseline(baseline: RegionalBaseline) -> dict[str, Any]:
    """Return what a baseline remembers."""
    table = baseline.table._asdict()
    rings = {}
    for name in RINGS:
        values = table.pop(name).ravel()
        filled = np.flatnonzero(values)
        rings[name] = {"n": len(filled), "at": pack(filled), "values": pack(values[filled])}
    return {
        "start_at": baseline.start_at.isoformat(),
        "bin_width_s": baseline.bin_width_s,
        "n_bins": baseline.n_bins,
        "codes": list(baseline.codes),
        "past": pack(baseline.past),
        "table": {name: pack(array) for name, array in table.items()},
        "rings": rings,
    }


def unpack_baseline(state: Mapping[str, Any]) -> RegionalBaseline:
    """Undo :func:`pack_baseline`; any of ValueError, KeyError, TypeError and their like if it is damaged."""
    baseline = RegionalBaseline(datetime.fromisoformat(state["start_at"]), int(state["bin_width_s"]))
    baseline.n_bins = int(state["n_bins"])
    baseline.codes = {str(code): row for row, code in enumerate(state["codes"])}
    baseline.past = unpack(state["past"], baseline.past).copy()
    like = empty_table(len(baseline.codes), baseline.plan)
    for name, text in state["table"].items():
        array = getattr(like, name)
        array[...] = unpack(text, array)
    for name in RINGS:
        one = state["rings"][name]
        n = int(one["n"])
        getattr(like, name).flat[unpack(one["at"], np.zeros(n, np.int64))] = unpack(one["values"], np.zeros(n))
    baseline.table = like
    return baseline
