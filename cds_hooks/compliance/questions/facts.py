"""What the answers rest on, as plain values that were gathered at the edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["QuestionFacts", "SwitchState"]


@dataclass(frozen=True, slots=True)
class SwitchState:
    """What is switched off: a service's id or "all services", since when, and why."""

    scope: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True)
class QuestionFacts:
    """An installation at a moment (`at`, RFC 3339 in UTC, like all times; empty where none is).

    `records` of the ledger are from `first` to `last`; `counts` has them by type. The checkpoint of
    `signed_at` covers `covered`. `verified` says what was found when it was last verified,
    `trouble` what is wrong with it. `witnesses` are places of copies of checkpoints.
    `destinations` are address, setting and whether it is this machine; `locked` says whether all
    others are refused. `model`, `template` and
    `program` are names with digests. `kept` are days by kind of record. `evaluations` counts runs
    that are named. `off` is None where it cannot be known; `unread` says why the store was not
    read.
    """

    at: str
    profile: str
    services: tuple[str, ...]
    users: str
    destinations: tuple[tuple[str, str, bool], ...]
    model: str
    template: str
    program: str
    kept: Mapping[str, float]
    witnesses: tuple[str, ...] = ()
    evaluations: int = 0
    admitted_for: str = ""
    editors: tuple[str, ...] = ()
    records: int = 0
    first: str = ""
    last: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    covered: int = 0
    signed_at: str = ""
    verified: str = ""
    trouble: str = ""
    consultations: int = 0
    erased_keys: int = 0
    holds: int = 0
    off: tuple[SwitchState, ...] | None = None
    unread: str = ""
    locked: bool = True
