"""The real tweet counts of the Numenta Anomaly Benchmark: read from their folder, scored as published.

A detector is read in three ways: *bins*, where each bin at or above the threshold is a detection; *alarms*, where only
the first bin of an alarm is (bins less than an hour apart are one alarm); and *days*, where only the first bin after a
day without one is: somebody who reads one line a day. Thresholds: the default; the best on these very series, as
published results have it; left out, the best on the other nine; and nested, where severity and reading are left out
too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
import pandas as pd

from detectors.errors import InputError
from detectors.evaluation.nab import Labelled, best, labelled, left_out, scaled
from detectors.evaluation.trial import GRID, SEVERITIES
from detectors.spikes import score
from flows.scoreboard.development import as_count_series, read_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FOLDER, WINDOWS, PEERS = "counts/nab_realtweets", "labels_windows.json", "peers.csv"

Reading = Literal["bins", "alarms", "days"]
JOIN_BINS: dict[Reading, int] = {"bins": 0, "alarms": 12, "days": 288}
"""By reading: how many bins of 5 min apart, and no more, two that fire are one detection."""

Record = dict[str, Any]


def has_tweets(folder: Path) -> bool:
    """Whether the counts of tweets and their windows are in the folder."""
    return (folder / FOLDER / WINDOWS).is_file()


def load_tweets(folder: Path) -> dict[str, tuple[pd.Series[float], Labelled]]:
    """Return the counts (their times, which carry no zone, read as UTC) and what detections in them are worth.

    Raises
    ------
    InputError
        Naming the file that cannot be used.
    """
    path = folder / FOLDER / WINDOWS
    try:
        windows = msgspec.json.decode(path.read_bytes(), type=dict[str, list[tuple[str, str]]])
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"not a file of windows: {error}", place=str(path)) from error
    found = {}
    for name, spans in windows.items():
        series = read_series(folder / FOLDER / f"{name}.gz")
        rows = [(_row(series, start, "left"), _row(series, end, "right") - 1) for start, end in spans]
        found[name] = series, labelled(len(series), rows)
    return found


def _row(series: pd.Series[float], at: str, side: Literal["left", "right"]) -> int:
    return int(series.index.searchsorted(pd.Timestamp(at, tz="UTC"), side=side))


def detections(scores: Floats, threshold: float, reading: Reading) -> NDArray[np.int64]:
    """Return the rows that are detections."""
    fired = np.flatnonzero(scores >= threshold)
    return np.asarray(fired[np.diff(fired, prepend=-1_000_000) > JOIN_BINS[reading]])


def nab_part(folder: Path, detectors: Sequence[str]) -> Record:
    """Return the scores of the detectors, by profile, and those published for others, where their file is there."""
    tweets = load_tweets(folder)
    n_windows = sum(one.n_windows for _, one in tweets.values())
    rows: list[Record] = []
    for name in detectors:
        raws = _raws(tweets, name)
        choices: dict[str, list[Floats]] = {series: [] for series in tweets}
        for (severity, reading), by_series in raws.items():
            for series, raw in by_series.items():
                choices[series].append(raw)
            figures = _figures(by_series, n_windows)
            rows.append({"detector": name, "severity": severity, "reading": reading} | figures)
        together = {series: np.concatenate(parts) for series, parts in choices.items()}
        if all((raws["watch", r][one] == raws["page", r][one]).all() for r in JOIN_BINS for one in tweets):
            rows = [row for row in rows if (row["detector"], row["severity"]) != (name, "page")]
        nested = scaled(left_out(together), n_windows)
        rows.append({"detector": name, "severity": "either", "reading": "either", "left_out": nested})
    return {"series": len(tweets), "windows": n_windows, "rows": rows, "published": _published(folder)}


def _raws(
    tweets: Mapping[str, tuple[pd.Series[float], Labelled]], name: str
) -> dict[tuple[str, Reading], dict[str, Floats]]:
    """Return raw scores by severity and reading, by series: shape (thresholds, profiles)."""
    raws: dict[tuple[str, Reading], dict[str, Floats]] = {(s, r): {} for s in SEVERITIES for r in JOIN_BINS}
    for series, (counts, worth) in tweets.items():
        scored = score(as_count_series(counts), detector=name)
        for severity in SEVERITIES:
            scores = scored.of(severity)[0]
            for reading in JOIN_BINS:
                raw = [worth.raw(detections(scores, threshold, reading)) for threshold in GRID]
                raws[severity, reading][series] = np.stack(raw)
    return raws


def _figures(raws: Mapping[str, Floats], n_windows: int) -> Record:
    default: Floats = np.sum([raw[GRID.index(1.0)] for raw in raws.values()], axis=0)
    ways = {"default": default, "best": best(raws), "left_out": left_out(raws)}
    return {way: scaled(raw, n_windows) for way, raw in ways.items()}


def _published(folder: Path) -> list[Record]:
    path = folder / FOLDER / PEERS
    if not path.is_file():
        return []
    columns = ["detector", "standard", "reward_low_FP_rate", "reward_low_FN_rate"]
    try:
        frame = pd.read_csv(path, usecols=columns, na_filter=False)
    except ValueError as error:
        raise InputError(f"not a table of published scores: {error}", place=str(path)) from error
    rows = frame.sort_values("standard", ascending=False)[columns].itertuples(index=False, name=None)
    return [dict(zip(columns, row, strict=True)) for row in rows]
