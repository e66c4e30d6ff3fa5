"""How strange a bin is: scores of many series at once, and the alarms that follow from them."""

from detectors.spikes.alarms import Tracker
from detectors.spikes.bank import Bank, Scores
from detectors.spikes.parameters import Parameters
from detectors.spikes.registry import DETECTORS, Detector, create, restore
from detectors.spikes.scored import Scored, resume, score

__all__ = [
    "DETECTORS",
    "Bank",
    "Detector",
    "Parameters",
    "Scored",
    "Scores",
    "Tracker",
    "create",
    "restore",
    "resume",
    "score",
]
