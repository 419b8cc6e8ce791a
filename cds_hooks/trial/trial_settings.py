"""Settings of the silent trial."""

from __future__ import annotations

from pydantic import Field

from cds_hooks.section import Section

__all__ = ["TrialSettings"]


class TrialSettings(Section):
    """A silent trial (docs/operators/silent-trial.md). A whole service is silent by
    `services.mode` or `services.mode_by_service`."""

    silent_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of encounters (0 to 1) whose hooks are answered without cards and "
        "recorded for the trial's role alone.",
    )
    name: str = Field(
        "", max_length=64, description="Of this trial; another name draws the encounters again."
    )
