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
# Open the store, load counts and incidents as frames, look at one incident with its expected range, onset interval and
# end, and then run the detector on a count series of your own.
#
# Without a store of your own this notebook replays the bundled sample, which is **simulated**: an iMessage outage of 47
# minutes on 3 March 2026. To use yours, set `UPROAR_STORE_URL`.

# %%
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import detectors
from flows import steps
from flows.store import open_store

url = os.environ.get("UPROAR_STORE_URL")
if url is None:
    url = str(Path(tempfile.mkdtemp(prefix="uproar-")) / "sample.db")
    steps.replay_sample(url)
store = open_store(url)

# %% [markdown]
# ## What is there
#
# Every frame has a UTC index. A bin that nobody observed is NaN, not 0.

# %%
incidents = store.incidents()
incidents[["service", "severity", "state", "alarmed_at", "ended_at", "peak", "expected_at_peak", "n_reports"]]

# %%
incident = incidents[incidents["severity"] == "page"].iloc[-1]
counts = store.counts(service=incident["service"])
counts[["observed", "raw", "coverage"]].describe().round(2)

# %% [markdown]
# ## The incident in its expected range
#
# The detector is causal: what it expected of a bin was forecast from the bins before it. Scoring the whole series again
# takes a fraction of a second, so nothing but counts has to be stored.

# %%
observed = counts["observed"].asfreq("1min")
detection = detectors.detect(observed, severity="page")
baseline = pd.DataFrame(
    {"expected": detection.baseline.expected, "upper": detection.baseline.upper}, index=observed.index
)
begin, end = incident["onset_at"] - pd.Timedelta("2h"), incident["onset_at"] + pd.Timedelta("3h")
window = slice(begin, end)

figure, axis = plt.subplots(figsize=(10, 4), layout="constrained")
axis.fill_between(
    baseline[window].index, 0, baseline["upper"][window], color="#c9d8ef", label="usual, 99 %", step="post"
)
axis.step(
    observed[window].index, observed[window], where="post", color="#b3261e", linewidth=1.2, label="independent voices"
)
axis.plot(baseline[window].index, baseline["expected"][window], color="#4a6fa5", linestyle="--", label="expected")
axis.axvspan(incident["onset_low_at"], incident["onset_high_at"], color="#b3261e", alpha=0.2, label="onset, 90 %")
axis.axvline(incident["onset_at"], color="#b3261e")
axis.axvline(incident["alarmed_at"], color="#222222", linestyle=":", label="flagged")
if pd.notna(incident["ended_at"]):
    axis.axvline(incident["ended_at"], color="#1b7a3d", label="end")
axis.set(ylabel="reports per minute", xlabel="UTC", title=f"{incident['service']}: {incident['state']}")
axis.legend(loc="upper right", frameon=False)
axis.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# ## How strange was it?
#
# A score of 1 is an alarm at the default threshold. Scores are NaN while the detector does not know yet.

# %%
print(f"learning until {detection.learning_until:%Y-%m-%d %H:%M} UTC")
detection.scores[window].max(), detection.incidents

# %% [markdown]
# ## What people said
#
# Texts are kept for 48 hours only; counts stay.

# %%
reports = store.reports(service=incident["service"], start=incident["onset_at"], end=incident["ended_at"])
symptoms = reports["symptoms"].explode().dropna().value_counts()
symptoms.to_frame("reports").assign(share=lambda frame: (frame["reports"] / len(reports)).round(2))

# %% [markdown]
# ## A count series of your own
#
# Any evenly spaced pandas Series with a UTC index will do: here errors per 5 minutes of a made-up API, with a hole that
# is a hole and a rise that is a rise.

# %%
random = np.random.default_rng(7)
index = pd.date_range("2026-04-01", periods=3 * 288, freq="5min", tz="UTC")
usual = 6 + 4 * np.sin(2 * np.pi * (index.hour + index.minute / 60) / 24)
mine = pd.Series(random.poisson(usual).astype(float), index=index, name="errors")
mine["2026-04-02 04:00":"2026-04-02 06:00"] = np.nan
mine["2026-04-03 15:00":"2026-04-03 16:00"] += random.poisson(40, 13)

mine_detection = detectors.detect(mine)
mine_detection.incidents.T

# %%
assert len(mine_detection.incidents) == 1
store.close()
