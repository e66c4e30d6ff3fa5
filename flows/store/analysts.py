"""The analysts' side of the store: questions that are answered with a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.store.base import Base

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd


class Analysts(Base):
    """What an analyst may ask. ``start <= t < end`` (aware instants); whatever is None does not restrict.

    Pandas is loaded with the first question, so that opening a store stays cheap.
    """

    def counts(
        self,
        service: str | None = None,
        source: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return every bin of the series that fit, unobserved ones too; see :func:`flows.store.frames.counts`."""
        from flows.store import frames

        with self._reading() as connection:
            return frames.counts(connection, frames.Choice(service, source, start, end))

    def reports(
        self,
        service: str | None = None,
        source: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return the reports that fit; see :func:`flows.store.frames.reports`."""
        from flows.store import frames

        with self._reading() as connection:
            return frames.reports(connection, frames.Choice(service, source, start, end))

    def symptoms(
        self,
        service: str | None = None,
        source: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return how many reports named each symptom, by bin; see :func:`flows.store.frames.symptoms`."""
        from flows.store import frames

        with self._reading() as connection:
            return frames.symptoms(connection, frames.Choice(service, source, start, end))

    def regions(
        self,
        service: str | None = None,
        source: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return voices by bin and region, and those from nowhere; see :func:`flows.store.region_frames.regions`."""
        from flows.store import frames, region_frames

        with self._reading() as connection:
            return region_frames.regions(connection, frames.Choice(service, source, start, end))

    def incidents(
        self,
        service: str | None = None,
        source: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return the incidents that were going on in that time; see :func:`flows.store.frames.incidents`."""
        from flows.store import frames

        with self._reading() as connection:
            return frames.incidents(connection, frames.Choice(service, source, start, end))

    def transitions(
        self,
        service: str | None = None,
        source: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return the transitions that fit; see :func:`flows.store.frames.transitions`."""
        from flows.store import frames

        with self._reading() as connection:
            return frames.transitions(connection, frames.Choice(service, source, start, end))
