"""What the pipeline touches besides the store and the platforms: the clock, and where secrets are."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detectors.errors import SettingsError
from flows.net.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flows.settings.sections import Settings


def read_secret(value: str, *, key: str, environ: Mapping[str, str], blocks: Callable[[str], str] | None = None) -> str:
    """Return a secret that is written down, or named.

    Parameters
    ----------
    value
        The secret; or ``env:NAME``, or ``prefect:NAME``.
    key
        Which setting it is, for messages.
    environ
        The environment (``os.environ``).
    blocks
        Reads a Prefect Secret block; None where Prefect is not running.

    Raises
    ------
    SettingsError
        It is named, and not there. The message holds its name and never its value.

    Examples
    --------
    >>> read_secret("env:TOKEN", key="x.bearer_token", environ={"TOKEN": "t"})
    't'
    """
    kind, _, name = value.partition(":")
    if kind == "env" and name:
        if not environ.get(name):
            raise SettingsError(f"the environment has no {name}", place=key)
        return environ[name]
    if kind == "prefect" and name:
        if blocks is None:
            message = f"{name} is a Prefect Secret block, which only Prefect can read: run `uproar serve`, or use env:"
            raise SettingsError(message, place=key)
        return blocks(name)
    return value


@dataclass(frozen=True)
class World:
    """What the pipeline touches besides the store and the platforms.

    Attributes
    ----------
    clock
        What time it is.
    environ
        The environment: secrets are named there.
    blocks
        Reads a Prefect Secret block; None where Prefect is not running.
    """

    clock: Clock = SYSTEM_CLOCK
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    blocks: Callable[[str], str] | None = None

    def secret(self, key: str, value: str) -> str:
        """Return a secret that is written down, or named; see :func:`flows.settings.read_secret`."""
        return read_secret(value, key=key, environ=self.environ, blocks=self.blocks)

    def store_secret(self, settings: Settings) -> str | None:
        """Return what the pseudonyms of authors are derived from.

        Raises
        ------
        SettingsError
            There is none, and posts would come from a platform: their authors could be found out by guessing.
        """
        secret = self.secret("store.secret", settings.store.secret)
        if not secret and settings.is_live:
            raise SettingsError(
                "live sources need a secret that authors are hashed with: put a long random text into the environment "
                "as UPROAR_STORE_SECRET (for instance from: openssl rand -hex 32), and keep it",
                place="store.secret",
            )
        return secret or None
