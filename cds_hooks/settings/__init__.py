"""Settings: one TOML file and the environment (`CHARTSIDE_SERVER__PORT=8010`), frozen and complete.

A key that is not known is an error that names it and the nearest one that is. Nothing else of the
service reads settings: packages are handed plain values made from them. No setting is a secret: the
ones that need one name its file.
"""

from cds_hooks.settings.errors import BindNotLoopback, ProfileNotAvailable, SettingsError
from cds_hooks.settings.keys import environment_name, known_keys
from cds_hooks.settings.loading import load_settings, read_settings, settings_digest
from cds_hooks.settings.schema import Settings

__all__ = [
    "BindNotLoopback",
    "ProfileNotAvailable",
    "Settings",
    "SettingsError",
    "environment_name",
    "known_keys",
    "load_settings",
    "read_settings",
    "settings_digest",
]
