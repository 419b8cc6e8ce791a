"""Settings of the log."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cds_hooks.section import Section

__all__ = ["LogSettings"]


class LogSettings(Section):
    """What the service logs, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    format: Literal["json", "console"] = Field("console", description="json for a collector.")
