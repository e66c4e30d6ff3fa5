"""How strange a bin is: scores of many series at once, and the alarms that follow from them."""

from detectors.spikes.alarms import Tracker
from detectors.spikes.bank import Bank, Scores
from detectors.spikes.parameters import Parameters
from detectors.spikes.registry import DETECTORS, Detector, create, restore
from detectors.spikes.scored import Scored, resume, score
from detectors.spikes.sources import COMBINED, Combiner, ScoredSources, resume_sources, score_sources

__all__ = [
    "COMBINED",
    "DETECTORS",
    "Bank",
    "Combiner",
    "Detector",
    "Parameters",
    "Scored",
    "ScoredSources",
    "Scores",
    "Tracker",
    "create",
    "restore",
    "resume",
    "resume_sources",
    "score",
    "score_sources",
]
