"""The HTTP edge: paths, limits and errors; everything that does work is handed in."""

from __future__ import annotations

from cds_hooks.app.application import create_app
from cds_hooks.app.config import AppConfig
from cds_hooks.app.handlers import AppHandlers, Call, Exchange, Identify, Readiness, RequestInfo

__all__ = [
    "AppConfig",
    "Call",
    "AppHandlers",
    "Exchange",
    "Identify",
    "Readiness",
    "RequestInfo",
    "create_app",
]
