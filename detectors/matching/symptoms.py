"""Which symptoms can be meant of which service: "the internet is fine, but iMessage ..." says nothing is wrong with it.

Texts name many things. A symptom that only some kinds of service can have counts only for those; what a form says about
its service (``extra.symptom``) always counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CARRIERS = frozenset({"internet", "phone", "tv"})

FAMILIES: dict[str, frozenset[str]] = {
    "calls": _CARRIERS | {"calls", "messaging", "work", "social"},
    "internet": _CARRIERS,
    "mail": _CARRIERS | {"mail", "work", "platform", "identity"},
    "phone": _CARRIERS,
    "tv": _CARRIERS | {"video"},
}
"""Families of services that can have a symptom; one that is not named here all can have."""


def meant(symptoms: Iterable[str], family: str) -> tuple[str, ...]:
    """Return the symptoms that a service of this family can have.

    Examples
    --------
    >>> meant(("cannot-send", "internet"), "messaging")
    ('cannot-send',)
    >>> meant(("cannot-send", "internet"), "phone")
    ('cannot-send', 'internet')
    """
    return tuple(symptom for symptom in symptoms if family in FAMILIES.get(symptom, (family,)))
