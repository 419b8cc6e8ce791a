"""The HTTP edge: paths, limits and errors; everything that does work is handed in."""

from __future__ import annotations

from cds_hooks.app.application import create_app
from cds_hooks.app.config import AppConfig
from cds_hooks.app.doors import Doors, Exchange, Readiness, RequestInfo

__all__ = ["AppConfig", "Doors", "Exchange", "Readiness", "RequestInfo", "create_app"]
