"""Which services of the settings are silent, for a trial: as a decision, and in words."""

from __future__ import annotations

from cds_hooks.audit import SiteKey
from cds_hooks.runtime.configs import services_of
from cds_hooks.settings import Settings
from cds_hooks.trial.assignment import SilentTrial, silent_services

__all__ = ["always_silent", "silent_state", "silent_trial", "silent_words"]


def silent_trial(settings: Settings, key: SiteKey) -> SilentTrial:
    """The trial of these settings; without one, none of its hooks is silent."""
    trial = settings.trial
    return SilentTrial(key.digest, always_silent(settings), trial.silent_share, trial.name)


def always_silent(settings: Settings) -> frozenset[str]:
    """The ids of offered services of which every hook is silent."""
    services = settings.services
    return silent_services(services_of(settings), services.mode, services.mode_by_service)


def silent_words(trial: SilentTrial) -> str:
    """What is silent, for people; "" where nothing is."""
    parts = []
    if trial.services:
        parts.append(f"silent: {', '.join(sorted(trial.services))}")
    if trial.share > 0.0:
        parts.append(f"{trial.share:.2%} of encounters are silent")
    return "; ".join(parts)


def silent_state(settings: Settings, service_id: str) -> str:
    """How one service is, in words; "" where it shows its cards."""
    if service_id in always_silent(settings):
        return "silent"
    share = settings.trial.silent_share
    return f"silent for {share:.2%} of encounters" if share > 0.0 else ""
