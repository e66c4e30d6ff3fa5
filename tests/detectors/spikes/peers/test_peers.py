"""What all peers have in common: an outage is found, in the notebook too, and the state stays small."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from detectors import detect
from detectors.errors import SeriesError, StateError
from detectors.spikes import DETECTORS, create
from detectors.spikes.peers.base import Peer
from tests.builders import START

PEERS = [name for name, entry in DETECTORS.items() if isinstance(entry.create, type) and issubclass(entry.create, Peer)]


def outage(days: int = 4, width: str = "20min") -> pd.Series[float]:
    index = pd.date_range(START, START + pd.Timedelta(days=days), freq=width, inclusive="left")
    y = np.random.default_rng(0).poisson(4, len(index)).astype(float)
    y[-20:-14] += 80
    return pd.Series(y, index=index)


def test_there_are_all_of_them() -> None:
    wanted = "ears-c1 ears-c2 ears-c3 ewma farrington gnip-poisson nb-tail poisson-focus s-h-esd windowed-gaussian"
    assert sorted(PEERS) == wanted.split()


@pytest.mark.parametrize("name", PEERS)
def test_an_outage_is_found_from_the_notebook(name: str) -> None:
    counts = outage()
    found = detect(counts, detector=name)
    incidents, onset = found.incidents, counts.index[-20]
    at_once = incidents[incidents.alarmed_at.between(onset, onset + pd.Timedelta(minutes=40))]
    assert len(at_once) == 1
    assert at_once.peak.iloc[0] > 80
    assert found.learning_until is not None
    assert START + pd.Timedelta(hours=12) <= found.learning_until <= START + pd.Timedelta(days=1)
    np.testing.assert_array_equal(found.scores, detect(counts, detector=name, severity="watch").scores)


@pytest.mark.parametrize("name", DETECTORS)
def test_an_outage_that_began_before_anything_was_known_has_a_usual_count(name: str) -> None:
    """Its fullest bin lies in the first 12 hours, of which nothing is said: a NaN in the record cannot be stored."""
    y = np.random.default_rng(1).poisson(3, 16 * 60).astype(float)
    y[700:760] += np.linspace(80, 30, 60)
    counts = pd.Series(y, index=pd.date_range(START, periods=len(y), freq="1min"))
    incidents = detect(counts, detector=name).incidents
    assert len(incidents) or name not in ("uproar", "plain-count", "ewma", "nb-tail", "poisson-focus")
    assert incidents.expected_at_peak.notna().all()
    assert (incidents.peak < 83).all()


@pytest.mark.parametrize("name", PEERS)
def test_the_state_does_not_grow(name: str) -> None:
    detector = create(name, 1, bin_width_s=3600, start_at=START)
    y = np.random.default_rng(0).poisson(3, (1, 24 * 40)).astype(float)
    assert isinstance(detector, Peer)
    shapes = {key: array.shape for key, array in detector.memory.items()}
    detector.run(y)
    assert {key: array.shape for key, array in detector.memory.items()} == shapes
    assert len(json.dumps(detector.state())) < 100_000


def test_a_detector_of_nothing_is_refused() -> None:
    with pytest.raises(SeriesError, match="at least one series"):
        create("ewma", 0, bin_width_s=60, start_at=START)


def test_the_state_of_another_peer_is_refused() -> None:
    state = create("ears-c1", bin_width_s=60, start_at=START).state()
    with pytest.raises(StateError, match="ears-c1-1"):
        DETECTORS["ears-c2"].restore(state)


def test_a_peer_brings_its_method() -> None:
    with pytest.raises(NotImplementedError):
        Peer(1, bin_width_s=60, start_at=START)
