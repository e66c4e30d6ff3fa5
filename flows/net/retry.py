"""The one retry layer: full jitter, a platform's own wish obeyed, and an end.

Full jitter as described by Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: each wait is
drawn evenly between nothing and a bound that doubles, which spreads clients that failed together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, TypeVar

from detectors.errors import RetryableError
from flows.net.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(frozen=True)
class Retry:
    """How often, and for how long, something is tried again.

    Attributes
    ----------
    clock
        Whose time passes.
    rng
        Draws the waits.
    tries
        How often at most, the first one included.
    base_s, cap_s
        Bound of the first wait, and the largest bound; seconds.
    patience_s
        What all waits of one call may take together, seconds. A platform that asks for more is left alone: the error
        goes to the caller with its ``retry_at``, and the next tick goes on.
    """

    clock: Clock = SYSTEM_CLOCK
    rng: Random = field(default_factory=Random)
    tries: int = 4
    base_s: float = 1.0
    cap_s: float = 20.0
    patience_s: float = 30.0

    def call(self, attempt: Callable[[], T]) -> T:
        """Return what ``attempt`` returns, trying again after a :class:`~detectors.errors.RetryableError`.

        Raises
        ------
        RetryableError
            The last one, when tries or patience are used up.
        """
        give_up_at = self.clock.now() + timedelta(seconds=self.patience_s)
        for n_before in range(self.tries - 1):
            try:
                return attempt()
            except RetryableError as error:
                wait_s = self._wait_s(n_before, error)
                if self.clock.now() + timedelta(seconds=wait_s) > give_up_at:
                    raise
            self.clock.sleep(wait_s)
        return attempt()

    def _wait_s(self, n_before: int, error: RetryableError) -> float:
        """Return how long to wait: not less than the platform asked for."""
        drawn_s = self.rng.uniform(0, min(self.cap_s, self.base_s * 2**n_before))
        if error.retry_at is None:
            return drawn_s
        return max(0.0, (error.retry_at - self.clock.now()).total_seconds()) + drawn_s
