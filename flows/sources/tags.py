"""Tags of services, and which of them are asked for together."""

from __future__ import annotations

import re
from itertools import islice, zip_longest
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.model import Service

ANCHOR = "outage"
SLOTS = 3
"""Tags of a query beside the anchor: a timeline takes four."""

MOST_QUERIES = 30
"""More than these for each tick of a minute would be half of what an instance allows (300 in five minutes)."""

_JOINTS = str.maketrans("", "", " -_'\u2019")
_TAG = re.compile(r"(?=.*[^\W\d_])\w{2,40}")


def tags_of(service: Service) -> tuple[str, ...]:
    """Return what a service can be tagged with, the likeliest first.

    Its id, its name and its aliases, in lower case, without spaces and hyphens; of these, what a tag can be: letters
    and digits of any script, at least one letter. Names that also mean other things are tags, too: cue words decide.

    Examples
    --------
    >>> from detectors.reference import catalogue
    >>> tags_of(catalogue()["docker-hub"])
    ('dockerhub', 'dockerregistry')
    """
    names = (service.id, service.name, *(alias for alias in service.aliases if " " not in alias), *service.aliases)
    tags = dict.fromkeys(name.lower().translate(_JOINTS) for name in names)
    return tuple(tag for tag in tags if _TAG.fullmatch(tag))


def packed(
    services: Sequence[Service], *, anchor: str = ANCHOR, most: int = MOST_QUERIES
) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Return ``(tags, ids of services)`` of each query; every service with a tag is in exactly one.

    One service a query, or two, or three, so that there are at most ``most`` queries if that is possible; the tags of
    a query are dealt out in turns, so that each service has its likeliest. Depends on the services, not their order.

    Examples
    --------
    >>> from detectors.reference import catalogue
    >>> packed([catalogue()["github"], catalogue()["aws"]], most=1)
    ((('aws', 'github', 'amazonwebservices'), ('aws', 'github')),)
    """
    tags = {service.id: [tag for tag in tags_of(service) if tag != anchor] for service in services}
    names = sorted(name for name, known in tags.items() if known)
    n_together = min(SLOTS, max(1, ceil(len(names) / most)))
    groups = [tuple(names[i : i + n_together]) for i in range(0, len(names), n_together)]
    return tuple((_dealt([tags[name] for name in group]), group) for group in groups)


def _dealt(hands: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Take the first of each, then the second of each, as long as there is room."""
    turns = (tag for turn in zip_longest(*hands) for tag in turn if tag is not None)
    return tuple(islice(dict.fromkeys(turns), SLOTS))
