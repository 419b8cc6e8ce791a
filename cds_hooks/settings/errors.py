"""What is wrong with settings."""

from __future__ import annotations

from cds_hooks.errors import ChartsideError

__all__ = ["BindNotLoopback", "ProfileNotAvailable", "SettingsError"]


class SettingsError(ChartsideError):
    """The settings cannot be used; `where` is the key. `problems` are key and text of each, where
    there are several."""

    code = "settings-invalid"
    status = 400
    problems: tuple[tuple[str, str], ...] = ()


class BindNotLoopback(SettingsError):
    """The service would be reachable from elsewhere, and could not tell who calls."""

    code = "bind-not-loopback"


class ProfileNotAvailable(SettingsError):
    """The production profile lacks what production needs."""

    code = "profile-not-available"
