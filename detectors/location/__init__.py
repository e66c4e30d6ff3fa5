"""Where: strings and posts to weighted regions with calibrated confidence.

``locate`` answers for one string, ``locate_batch`` for many, ``locate_post`` for a post, ``explain`` says why. Method:
names are looked up in a gazetteer made from GeoNames, CLDR and ISO 3166-2, all readings of all names are weighed
together, and people (how many live there) act as the prior; see docs/where.md.
"""

from __future__ import annotations

from detectors.location.answers import Located, level
from detectors.location.api import Kind, locate, locate_batch, locate_geo, locate_post
from detectors.location.explain import Account, explain

__all__ = ["Account", "Kind", "Located", "explain", "level", "locate", "locate_batch", "locate_geo", "locate_post"]
