"""Findings about a model file: a stable id, a level, and a text for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["FileFinding", "FindingLevel"]


class FindingLevel(StrEnum):
    """An error keeps a model from being used; a warning is for a person to weigh."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class FileFinding:
    """One thing that was found; `id` is stable and kebab-case."""

    id: str
    level: FindingLevel
    text: str
