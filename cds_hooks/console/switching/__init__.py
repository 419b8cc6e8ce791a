"""The page on which services are switched off and on, for administrators."""

from __future__ import annotations

from cds_hooks.console.switching.router import Switches, add_routes

__all__ = ["Switches", "add_routes"]
