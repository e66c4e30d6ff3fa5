"""The one simulator: posts and counts with the truth about them, from a :class:`Scenario` and a seed.

Pure: no clock, no files; the same scenario and seed give the same posts and counts on every run.
"""

from detectors.evaluation.simulate.counts import (
    VERSION,
    Confounder,
    OutageTruth,
    SimulatedCounts,
    Truth,
    simulate_counts,
)
from detectors.evaluation.simulate.draw import random_scenario, seeds
from detectors.evaluation.simulate.places import MIXES, PLACES
from detectors.evaluation.simulate.posts import (
    PostTruth,
    in_arrival_order,
    posts_truth,
    simulate_labelled,
    simulate_posts,
    to_lines,
)
from detectors.evaluation.simulate.scenario import (
    CommutePeak,
    Delays,
    Hole,
    NewsBump,
    Noise,
    Outage,
    Rhythm,
    Scenario,
    ServiceTraffic,
    Step,
    ViralCluster,
)

__all__ = [
    "MIXES",
    "PLACES",
    "VERSION",
    "CommutePeak",
    "Confounder",
    "Delays",
    "Hole",
    "NewsBump",
    "Noise",
    "Outage",
    "OutageTruth",
    "PostTruth",
    "Rhythm",
    "Scenario",
    "ServiceTraffic",
    "SimulatedCounts",
    "Step",
    "Truth",
    "ViralCluster",
    "in_arrival_order",
    "posts_truth",
    "random_scenario",
    "seeds",
    "simulate_counts",
    "simulate_labelled",
    "simulate_posts",
    "to_lines",
]
