"""What Uproar knows: pure functions and small state machines, in the order in which the data flows.

``matching`` (posts to reports), ``location`` (posts to regions), ``counting`` (reports to series), ``baselines``
(what is usual), ``spikes`` (how strange a bin is), ``incidents`` (what we claim), ``evaluation`` (how good all this
is). Nothing here touches a file, a network or a clock. Names load when first used, so that ``import detectors`` costs
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detectors.incidents.detect import Detection, detect
    from detectors.incidents.explain import Explanation, explain
    from detectors.location import locate
    from detectors.matching import read_post
    from detectors.spread import estimate_spread

__all__ = ["Detection", "Explanation", "detect", "estimate_spread", "explain", "locate", "read_post"]

_HOME = {
    "detect": "detectors.incidents.detect",
    "Detection": "detectors.incidents.detect",
    "explain": "detectors.incidents.explain",
    "Explanation": "detectors.incidents.explain",
    "locate": "detectors.location",
    "read_post": "detectors.matching",
    "estimate_spread": "detectors.spread",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the home module has under that name
    if name not in _HOME:
        raise AttributeError(f"module 'detectors' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
