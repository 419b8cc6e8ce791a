"""The pages of single consultations, for a clinician."""

from __future__ import annotations

from cds_hooks.console.consultations.following import LinkedPages
from cds_hooks.console.consultations.router import add_routes

__all__ = ["LinkedPages", "add_routes"]
