"""The prefetch templates in `templates.toml`, by key."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources

from cds_hooks.services.service_definition import PrefetchTemplate

__all__ = ["CHART", "templates"]

CHART = (
    "patient",
    "problems",
    "allergies",
    "encounters",
    "vitals",
    "laboratory",
    "medicationRequests",
    "medicationStatements",
    "procedures",
    "diagnosticReports",
    "documents",
    "familyHistory",
    "immunizations",
)
"""The keys that together are the chart as a differential needs it."""


def templates(*keys: str) -> tuple[PrefetchTemplate, ...]:
    """The templates of some keys, in the order asked for. KeyError for a key that is not there."""
    known = _all()
    return tuple(known[key] for key in keys)


@functools.cache
def _all() -> dict[str, PrefetchTemplate]:
    text = resources.files(__package__).joinpath("templates.toml").read_text("utf-8")
    return {key: PrefetchTemplate(key, **table) for key, table in tomllib.loads(text).items()}
