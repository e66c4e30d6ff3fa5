"""What a source is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.model import Batch


@runtime_checkable
class Source(Protocol):
    """Somewhere that posts come from.

    Attributes
    ----------
    name
        The source of the series that its posts are counted in.
    label
        Which feed or file of that source it is: what a person is told, and a good name for its query.
    """

    @property
    def name(self) -> str:
        """The source of the series."""
        ...

    @property
    def label(self) -> str:
        """Which feed or file of it."""
        ...

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:
        """Yield what has come since ``cursor``, oldest first; from the beginning where it is None.

        A consumer that stores each batch together with its cursor may be killed at any moment and go on from the
        last cursor that it stored.

        Raises
        ------
        SourceError, InputError
            The source cannot be read; what has been yielded stays good.
        """
        ...
