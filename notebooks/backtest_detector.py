# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Tune and backtest a detector on your own series
#
# Load a count series, see what the detector finds in it at its defaults and why, choose a threshold by what it would
# have cost, and compare with two published detectors.
#
# **What you see here is simulated.** Without a file of your own this notebook makes up two weeks of reports about an
# outage-prone service, in bins of five minutes, with two outages, a hole in the collection and a collector that broke
# without saying so. To use yours, set `UPROAR_COUNTS_CSV` to a CSV file with a column of times (`timestamp`) and one of
# counts (`value`) before you start the kernel; a bin that nobody observed has no value.

# %%
import os
from datetime import UTC, datetime, timedelta

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import detectors
from detectors.evaluation.simulate import Hole, Noise, Outage, Scenario, ServiceTraffic, simulate_counts

START = datetime(2026, 4, 6, tzinfo=UTC)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return START + timedelta(days=day, hours=hour, minutes=minute)


path = os.environ.get("UPROAR_COUNTS_CSV")
is_simulated = path is None
if is_simulated:
    scenario = Scenario(
        START,
        days=14,
        services=(ServiceTraffic("github", rate_per_min=0.8, noise=Noise("negbin", phi=0.05)),),
        outages=(
            Outage("github", at(9, 13, 40), duration_min=70, factor=8, rise_min=6, decay_min=20),
            Outage("github", at(12, 19, 10), duration_min=150, factor=2.5, rise_min=15, decay_min=40),
        ),
        gaps=(Hole(at(5, 3), at(5, 9)),),
        silent_gaps=(Hole(at(7, 10), at(7, 14)),),
        bin_width_s=300,
    )
    simulated = simulate_counts(scenario, seed=3)
    counts = simulated.series[0].to_frame()["observed"].rename("reports")
    truth = simulated.truth.outages_frame()[["onset_at", "end_at", "factor"]]
else:
    table = pd.read_csv(path)
    counts = table.set_index(pd.to_datetime(table["timestamp"], utc=True))["value"].rename("reports")
    truth = pd.DataFrame({"onset_at": [], "end_at": [], "factor": []})
width = counts.index[1] - counts.index[0]
bin_min = width / pd.Timedelta("1min")
print(f"{len(counts):,} bins of {bin_min:g} min, the first at {counts.index[0]:%Y-%m-%d %H:%M} UTC.")
print(f"Not observed: {counts.isna().sum()}")

# %% [markdown]
# ## What the detector finds at its defaults
#
# A **page** is several times the usual, for waking people. Instants are UTC: `onset_at` with its 90 % interval,
# `alarmed_at` when it could be known, `ended_at` likewise.

# %%
found = detectors.detect(counts)
found.incidents

# %% [markdown]
# What there was to find, where the series is simulated:

# %%
truth


# %% [markdown]
# ## See it
#
# The band holds 99 of 100 usual bins. It is a forecast: each bin's from the bins before it.


# %%
INK, BLUE, BAND, RED, GREEN = "#222222", "#3b5f8f", "#d6e2f2", "#b3261e", "#1b7a3d"


def plot_incident(found: detectors.Detection, row: int, *, title: str, around: str = "3h") -> None:
    """Draw an incident within what is usual, with the intervals of its onset and end."""
    onset, ended, alarm = found.measures[row].onset, found.measures[row].ended, found.alarms[row]
    last = ended.at if ended else found.counts.index[-1]
    shown = slice(onset.at - pd.Timedelta(around), last + pd.Timedelta(around))
    baseline = {"expected": found.baseline.expected, "upper": found.baseline.upper}
    usual, seen = pd.DataFrame(baseline, index=found.counts.index)[shown], found.counts[shown]
    _, axis = plt.subplots(figsize=(10, 4.6), layout="constrained")
    axis.fill_between(usual.index, 0, usual["upper"], step="post", color=BAND, label="usual, 99 of 100 bins")
    axis.step(usual.index, usual["expected"], where="post", color=BLUE, linestyle="--", linewidth=1.2, label="expected")
    axis.step(seen.index, seen, where="post", color=INK, linewidth=1.1, label="reports")
    axis.axvspan(onset.low_at, onset.high_at, color=RED, alpha=0.18, linewidth=0)
    axis.axvline(onset.at, color=RED, linewidth=1.4, label=f"onset {onset.at:%H:%M}, 90 % interval")
    axis.axvline(alarm.alarmed_at, color=RED, linewidth=1.4, linestyle=":", label=f"alarm {alarm.alarmed_at:%H:%M}")
    if ended:
        axis.axvspan(ended.low_at, ended.high_at, color=GREEN, alpha=0.18, linewidth=0)
        axis.axvline(ended.at, color=GREEN, linewidth=1.4, label=f"end {ended.at:%H:%M}, 90 % interval")
    axis.set(xlim=(seen.index[0], seen.index[-1]), ylim=(0, None))
    axis.set(ylabel=f"reports in {bin_min:g} min", xlabel=f"time of day, UTC (onset on {onset.at:%-d %B %Y})")
    axis.set_title(f"{title}\n{found.explain(row).sentence()}", loc="left", fontsize=10)
    axis.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))
    axis.legend(loc="upper right", framealpha=0.9, edgecolor="none", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)


made_up = " (simulated)" if is_simulated else ""
if len(found.incidents):
    strongest = int(found.incidents["score"].argmax())
    plot_incident(found, strongest, title=f"The strongest page{made_up}")

# %% [markdown]
# ## Why it alarmed, and why it did not
#
# `explain` takes a score apart: the window that decided, what was usual for it, and the smallest number of reports that
# would have been enough. Any instant will do, also one at which nothing alarmed.

# %%
for row in range(len(found.incidents)):
    print(f"{found.alarms[row].alarmed_at:%-d %B}: {found.explain(row).sentence()}")

quietly = detectors.detect(counts, severity="watch")
print("\nWatches that never became a page, and the most that a page saw in them:")
for row, alarm in enumerate(quietly.alarms):
    if not any(
        page.alarmed_at <= alarm.last_alarm_at and alarm.alarmed_at <= page.last_alarm_at for page in found.alarms
    ):
        during = found.scores[alarm.alarmed_at - width : alarm.last_alarm_at]
        print(f"{alarm.alarmed_at:%-d %B}: {quietly.explain(row).sentence()}")
        print(f"    {found.explain(during.idxmax() + width).sentence()}")

# %% [markdown]
# ## Choose a threshold
#
# 1 is calibrated to a budget of false alarms; a higher one pages less often and later. What each would have said in
# this series, and how many minutes later than at the default the strongest incident would have been known. Choose on
# one stretch of time and judge on another: a threshold chosen by what it is judged on flatters itself.

# %%
rows = []
for severity in ("watch", "page"):
    default = detectors.detect(counts, severity=severity)
    for threshold in (0.5, 0.7, 1.0, 1.5, 2.0, 4.0):
        tried = detectors.detect(counts, severity=severity, threshold=threshold)
        later = None
        if default.alarms:
            reference = max(default.alarms, key=lambda alarm: alarm.score)
            same = [
                a
                for a in tried.alarms
                if reference.alarmed_at <= a.last_alarm_at and a.alarmed_at <= reference.last_alarm_at
            ]
            later = (same[0].alarmed_at - reference.alarmed_at) / timedelta(minutes=1) if same else None
        rows.append((severity, threshold, len(tried.alarms), later))
pd.DataFrame(rows, columns=["severity", "threshold", "alarms", "strongest known later by, min"]).set_index(
    ["severity", "threshold"]
)

# %% [markdown]
# ## Compare with published detectors
#
# Every detector stands behind the same protocol (`detectors.spikes.DETECTORS` names them). Here each is at its own
# default; `uproar scoreboard` compares them fairly, at equal numbers of false alarms and on many more outages.

# %%
PEERS = {"uproar": found, **{name: detectors.detect(counts, detector=name) for name in ("ears-c2", "ewma")}}
spans = [(row.onset_at, row.end_at) for row in truth.itertuples()]
table = []
for name, each in PEERS.items():
    delays = []
    for begin, end in spans:
        inside = [alarm.alarmed_at for alarm in each.alarms if begin <= alarm.alarmed_at <= end]
        delays.append((inside[0] - begin) / timedelta(minutes=1) if inside else np.nan)
    outside = sum(
        not any(begin <= a.alarmed_at <= end + timedelta(hours=4) for begin, end in spans) for a in each.alarms
    )
    table.append((name, len(each.alarms), *([outside, np.round(delays).tolist()] if is_simulated else [None, None])))
pd.DataFrame(table, columns=["detector", "alarms", "outside outages", "delays, min (nan = missed)"]).set_index(
    "detector"
)

# %%
figure, axes = plt.subplots(1 + len(PEERS), 1, figsize=(10, 6.4), sharex=True, layout="constrained")
daily = counts.resample("1h").sum(min_count=1)
axes[0].step(daily.index, daily, where="post", color=INK, linewidth=0.9)
axes[0].set(ylabel="reports\nan hour", ylim=(0, None))
axes[0].set_title(f"Reports and scores{made_up}; a score of 1 alarms (red); outages in green", loc="left")
for axis, (name, each) in zip(axes[1:], PEERS.items(), strict=True):
    axis.plot(each.scores.index, each.scores.clip(0.02, 20), color=BLUE, linewidth=0.7)
    axis.axhline(1.0, color=INK, linewidth=0.8, linestyle="--")
    axis.plot([a.alarmed_at for a in each.alarms], [1.0] * len(each.alarms), "v", color=RED, markersize=6)
    axis.set(yscale="log", ylabel=f"{name}\nscore", ylim=(0.05, 20))
    axis.set_yticks([0.1, 1, 10], labels=["0.1", "1", "10"])
    axis.minorticks_off()
for axis in axes:
    for begin, end in spans:
        axis.axvspan(begin, end, color=GREEN, alpha=0.25, linewidth=0)
    axis.spines[["top", "right"]].set_visible(False)
axes[-1].xaxis.set_major_formatter(mdates.DateFormatter("%-d %b"))
axes[-1].set(xlim=(counts.index[0], counts.index[-1]), xlabel="day (UTC), 2026" if is_simulated else "day (UTC)")
# %%
if is_simulated:
    first, second = spans
    assert any(first[0] <= alarm.alarmed_at <= first[1] for alarm in found.alarms), "the large outage is found"
