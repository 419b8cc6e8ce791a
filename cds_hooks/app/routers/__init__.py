"""What is at each path, one router for each kind of caller."""

from __future__ import annotations

from cds_hooks.app.routers import consultations, operations, protocol

__all__ = ["PAGES", "ROUTERS"]

PAGES = consultations.router

ROUTERS = (protocol.router, operations.router, consultations.router)
