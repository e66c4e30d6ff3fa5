"""How far an incident reaches: which regions are affected, which share of the usual voices, in which order.

``estimate_spread`` is the door; ``compare`` sets two incidents beside each other. Method and limits: docs/where.md.
"""

from __future__ import annotations

from detectors.spread.compare import Comparison, compare
from detectors.spread.estimate import estimate_spread

__all__ = ["Comparison", "compare", "estimate_spread"]
