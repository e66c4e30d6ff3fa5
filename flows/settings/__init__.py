"""The configuration: one TOML file, then the environment, validated; a mistake names file:line:key.

Every setting has a default, so Uproar runs without a file. ``UPROAR_<SECTION>_<KEY>`` in the environment replaces a
single value (``UPROAR_STORE_URL``). ``uproar init`` writes :data:`TEMPLATE`, which states every default.
"""

from __future__ import annotations

from flows.net.clock import utc_now
from flows.settings.loading import DEFAULT_FILE, ENV_PREFIX, load_settings
from flows.settings.sections import Settings, StatusSettings, WatchSettings
from flows.settings.template import TEMPLATE
from flows.settings.world import World, read_secret

__all__ = [
    "DEFAULT_FILE",
    "ENV_PREFIX",
    "TEMPLATE",
    "Settings",
    "StatusSettings",
    "WatchSettings",
    "World",
    "load_settings",
    "read_secret",
    "utc_now",
]
