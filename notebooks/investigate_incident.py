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
# # Investigate an incident
#
# Open a store, load its incidents and counts as frames, look at one incident within its expected range, with its onset
# interval and its end; then run the detector on a count series of your own.
#
# **What you see here is simulated.** Without a store of your own this notebook replays the bundled sample: made-up
# posts of three and a half days around an iMessage outage that never happened, on 3 March 2026. To look at yours, set
# `UPROAR_STORE_URL` (and `UPROAR_STORE_SECRET`, if it was written with one) before you start the kernel.

# %%
import os

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import detectors
from detectors.reference import catalogue
from flows.replay import replay_sample
from flows.store import open_store

url = os.environ.get("UPROAR_STORE_URL")
is_simulated = url is None
store = open_store(url or ":memory:", secret=os.environ.get("UPROAR_STORE_SECRET"), create=is_simulated)
if is_simulated:
    replay_sample(store)

# %% [markdown]
# ## Which incidents there are
#
# A **page** is several times the usual, for waking people; a **watch** is any credible rise. The index is the estimated
# onset. Every instant in every frame is UTC.

# %%
incidents = store.incidents()
incidents[["service", "severity", "state", "alarmed_at", "ended_at", "peak", "expected_at_peak", "n_reports"]]

# %%
# The page with the strongest evidence.
pages = incidents[incidents["severity"] == "page"].reset_index()
incident = pages.loc[pages["score"].idxmax()]
incident[
    ["id", "service", "onset_at", "onset_low_at", "onset_high_at", "alarmed_at", "ended_at", "n_authors"]
].to_frame("")

# %% [markdown]
# How it came to that: each transition carries the instant at which it could have been known.

# %%
transitions = store.transitions(service=incident["service"])
transitions.loc[transitions["incident_id"] == incident["id"], ["old", "new", "severity", "reason"]]

# %% [markdown]
# ## Its counts
#
# `observed` counts independent voices: distinct authors of original reports. `raw` counts every report, reposts too. A
# bin that nobody observed is NaN, never 0.

# %%
counts = store.counts(service=incident["service"], source=incident["source"])
counts[["observed", "raw", "coverage"]].describe().round(2)

# %% [markdown]
# ## The incident within its expected range
#
# What was expected of a bin is forecast from the bins before it. Scoring the whole series again takes a fraction of a
# second, so nothing but counts has to be kept.

# %%
observed = counts["observed"]
detection = detectors.detect(observed, severity="page")
baseline = pd.DataFrame(
    {"expected": detection.baseline.expected, "upper": detection.baseline.upper}, index=observed.index
)

begin = incident["onset_at"] - pd.Timedelta("2h")
end = (incident["ended_at"] if pd.notna(incident["ended_at"]) else observed.index[-1]) + pd.Timedelta("2h")
seen, usual = observed[begin:end], baseline[begin:end]

RED, BLUE, BAND, GREEN, INK = "#b3261e", "#3b5f8f", "#d6e2f2", "#1b7a3d", "#222222"
figure, axis = plt.subplots(figsize=(10, 4.2), layout="constrained")
axis.fill_between(usual.index, 0, usual["upper"], step="post", color=BAND, label="usual, 99 %")
axis.plot(usual.index, usual["expected"], color=BLUE, linestyle="--", linewidth=1.2, label="expected")
axis.step(seen.index, seen, where="post", color=INK, linewidth=1.0, label="independent voices")
axis.axvspan(incident["onset_low_at"], incident["onset_high_at"], color=RED, alpha=0.18, linewidth=0)
axis.axvline(incident["onset_at"], color=RED, linewidth=1.4, label="onset, 90 % interval")
axis.axvline(incident["alarmed_at"], color=RED, linewidth=1.4, linestyle=":", label="alarm")
if pd.notna(incident["ended_at"]):
    axis.axvspan(incident["ended_low_at"], incident["ended_high_at"], color=GREEN, alpha=0.18, linewidth=0)
    axis.axvline(incident["ended_at"], color=GREEN, linewidth=1.4, label="end, 90 % interval")
axis.set(xlim=(begin, end), ylim=(0, None), ylabel="reports a minute", xlabel=f"{incident['onset_at']:%-d %B %Y}, UTC")
name = catalogue()[incident["service"]].name if incident["service"] in catalogue() else incident["service"]
axis.set_title(f"{name}: {incident['state']}" + (" (simulated)" if is_simulated else ""), loc="left")
axis.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))
axis.legend(loc="upper right", frameon=False)
axis.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# ## How strange it was
#
# A score of 1 alarms at the default threshold; higher is stranger. Scores are NaN while the detector does not know what
# is usual, which takes 12 observed hours, and no later bin changes a score. `explain` says what an alarm rests on.

# %%
print(f"It knew what is usual from {detection.learning_until:%Y-%m-%d %H:%M} UTC on.")
print(f"Largest score: {detection.scores.max():.0f}, at {detection.scores.idxmax():%H:%M} UTC.")
print(f"Why it alarmed: {detection.explain().sentence()}")
detection.incidents

# %% [markdown]
# ## What people said was broken
#
# One post may name several symptoms, most name none. The stored authors are pseudonyms that change daily.

# %%
until = incident["ended_at"] if pd.notna(incident["ended_at"]) else None
reports = store.reports(service=incident["service"], start=incident["onset_at"], end=until)
named = reports["symptoms"].explode().dropna().value_counts()
pd.DataFrame({"reports": named, "share of all": (named / len(reports)).round(2)}).head(8)

# %% [markdown]
# ## A count series of your own
#
# Any evenly spaced Series with a UTC index will do, in bins of a second to an hour. Here: errors of a made-up API in
# every five minutes of three days, with two hours that nobody recorded and one hour that went wrong.

# %%
random = np.random.default_rng(7)
index = pd.date_range("2026-04-01", periods=3 * 288, freq="5min", tz="UTC")
mean = 6 + 4 * np.sin(2 * np.pi * (index.hour + index.minute / 60) / 24)
mine = pd.Series(random.poisson(mean).astype(float), index=index, name="errors")
mine["2026-04-02 04:00":"2026-04-02 06:00"] = np.nan
mine["2026-04-03 15:00":"2026-04-03 15:55"] += random.poisson(40, 12)

found = detectors.detect(mine)
found.incidents.T

# %%
assert len(found.incidents) == 1, "one hour went wrong, and nothing else"
store.close()
