"""Where work runs. An engine maps a function over items that do not depend on each other."""

from flows.engines.local import LocalEngine

__all__ = ["ENGINES", "LocalEngine"]

ENGINES = {"local": LocalEngine}
"""By the name that ``--engine`` takes; each is called with the number of workers."""
