"""Every error that Uproar raises on purpose.

::

    UproarError
    ├── InputError (ValueError)      what was given cannot be used; the message says where and what to do
    │   ├── RecordError              a line of a file of posts or counts
    │   ├── SeriesError              a count series
    │   ├── CatalogueError           a file of the services catalogue
    │   └── SettingsError            the configuration
    ├── SourceError                  a platform or file that posts come from
    │   ├── RetryableError           may work later (``retry_at`` says when, if the platform said so)
    │   └── PermanentError           will not work until somebody changes something
    ├── StoreError                   the database
    └── StateError                   saved detector state that does not fit this version

An error that stems from a file carries its place as ``file:line`` (and ``:key`` in a configuration), so
that a reader can go there. Messages never hold a secret or the text of a post.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class UproarError(Exception):
    """The root of the tree: whatever Uproar raises on purpose."""


class InputError(UproarError, ValueError):
    """What was given cannot be used.

    Parameters
    ----------
    message
        What is wrong and what to do about it.
    place
        Where: ``file``, ``file:line`` or ``file:line:key``.
    """

    def __init__(self, message: str, *, place: str | None = None) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.message = message
        self.place = place


class RecordError(InputError):
    """A line of a file of posts or counts cannot be used."""


class SeriesError(InputError):
    """A count series cannot be used, for instance because it is unsorted or its times carry no zone."""


class CatalogueError(InputError):
    """A file of the services catalogue has a mistake."""


class SettingsError(InputError):
    """The configuration has a mistake."""


class SourceError(UproarError):
    """A platform, or a file, that posts come from has failed."""


class RetryableError(SourceError):
    """May work later.

    Parameters
    ----------
    message
        What happened.
    retry_at
        When the platform said that it would listen again (UTC); None if it did not say.
    """

    def __init__(self, message: str, *, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class PermanentError(SourceError):
    """Will not work until somebody changes something."""


class StoreError(UproarError):
    """The database cannot be opened, read or written."""


class StateError(UproarError):
    """Saved detector state does not fit this version of the detector."""
