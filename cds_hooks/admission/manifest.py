"""What a run was of: enough digests to tell whether another run is comparable."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

__all__ = ["Manifest", "SuitePart", "Task"]

# What may differ when a run goes on where it broke off.
_OF_ITS_OWN = frozenset({"started", "chartside"})


class Task(StrEnum):
    """What is asked. Figures of different tasks are never put in one table."""

    OPEN = "open-ended"
    CLOSED = "closed-list"
    JUDGING = "answer-judging"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SuitePart(_Data):
    """The suite as it was loaded."""

    id: str
    title: str
    task: Task
    origin: str
    licence: str
    sha256: str
    cases: int
    rejected: int
    notes: tuple[str, ...]


class Manifest(_Data):
    """`model`, `template` and `settings` are names to digests; `started` is ISO 8601 in UTC.

    `names` is whether diagnoses could only be written along the names of the terminology,
    `engines` how many engine processes answered side by side, `concurrency` how many cases were in
    flight together in each.
    """

    suite: SuitePart
    model: dict[str, str]
    template: dict[str, str]
    settings: dict[str, str]
    terminology: dict[str, str]
    seed: int
    samples: int
    names: bool = False
    engines: int = 1
    concurrency: int = 1
    started: str
    chartside: str
    demonstration: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_followup(cls, raw: Any) -> Any:
        """Earlier manifests say that no second question followed; none can be asked any more."""
        if isinstance(raw, dict) and raw.get("after") == "none":
            return {k: v for k, v in raw.items() if k != "after"}
        return raw

    def same_run(self, other: Manifest) -> list[str]:
        """What differs, other than when, by which release and for how many cases it was started."""
        mine, theirs = (one.model_dump(mode="json") for one in (self, other))
        for one in (mine, theirs):
            # A run over the first cases goes on to the rest of the same suite.
            del one["suite"]["cases"]
        return sorted(k for k in mine if k not in _OF_ITS_OWN and mine[k] != theirs[k])
