"""Settings of the statistics: what is shown of small numbers."""

from __future__ import annotations

from pydantic import Field

from cds_hooks.section import Section
from cds_hooks.statistics.suppression import CMS_SMALLEST

__all__ = ["StatisticsSettings"]


class StatisticsSettings(Section):
    """What the page on how the service is doing shows (docs/operators/statistics.md)."""

    smallest_count: int = Field(
        CMS_SMALLEST,
        ge=1,
        le=1000,
        description="Smallest count of what says something of patients that is shown; 1 shows all.",
    )
