"""The pages of single consultations, for a clinician."""

from __future__ import annotations

from cds_hooks.console.consultations.following import CONTENT, PAGE, Launched, LinkedPages, page_of
from cds_hooks.console.consultations.router import add_routes
from cds_hooks.console.consultations.streams import AnswerStreams

__all__ = ["CONTENT", "PAGE", "AnswerStreams", "Launched", "LinkedPages", "add_routes", "page_of"]
