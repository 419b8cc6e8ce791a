"""The page of a consultation as a SMART app: the EHR says who reads it, and of which patient."""

from __future__ import annotations

from cds_hooks.console.smart_launch.launch_sessions import LaunchSessions
from cds_hooks.console.smart_launch.launching import Launching
from cds_hooks.console.smart_launch.pages import LaunchEdge, LaunchedPages
from cds_hooks.console.smart_launch.router import add_routes

__all__ = ["LaunchEdge", "LaunchSessions", "LaunchedPages", "Launching", "add_routes"]
