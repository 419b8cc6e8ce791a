"""The cases of a trial, read from the store of this site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cds_hooks.audit import Store
from cds_hooks.audit.store_errors import RecordErased, RecordUnreadable
from cds_hooks.audit.trial_outcomes import FollowUp
from cds_hooks.consultation import Consultation
from cds_hooks.statistics.subgroups import OWN_TRIALS
from cds_hooks.trial.answered_later import joined
from cds_hooks.trial.cases import TrialCase
from cds_hooks.trial.collecting import Collecting, StoredCase

__all__ = ["Collected", "collect"]

_BATCH = 200
_UNREAD, _ERASED = "unread", "erased"


@dataclass(frozen=True, slots=True)
class Collected:
    """The cases of a period, and how many hooks were answered in it. `unread` consultations, or
    their outcomes, cannot be decrypted or are damaged: `audit verify` tells of them. `erased` ones
    are gone."""

    cases: tuple[TrialCase, ...]
    hooks: int
    unread: int
    erased: int


async def collect(
    store: Store,
    collecting: Collecting,
    since: float,
    until: float,
    *,
    service: str = "",
    told: Callable[[int, int], None] = lambda _done, _total: None,
) -> Collected:
    """All consultations begun from `since` up to before `until` (UTC seconds), of one service or of
    all (""), as cases, a hook and the answer after it as one; `told` hears how many of how
    many were read. Raises StoreUnavailable."""
    every = await store.outcomes.to_follow(since, until)
    wanted = [each for each in every if service in ("", each.service)]
    hooks = await store.outcomes.count_hooks(since, until, service=service, without=OWN_TRIALS)
    encounters = await store.outcomes.encounters_of(each.id for each in wanted)
    read: list[tuple[str, TrialCase]] = []
    lost = Counter[str]()
    for begin in range(0, len(wanted), _BATCH):
        batch = wanted[begin : begin + _BATCH]
        found, damaged = await _followed(store, [each.id for each in batch])
        for each in batch:
            consultation, why = await _read(store, each.id)
            if each.id in damaged:
                consultation, why = None, _UNREAD
            lost[why] += 1
            if consultation is None:
                continue
            stored = StoredCase(consultation, found.get(each.id), encounters.get(each.id, ""))
            if (case := collecting.case(stored)) is not None:
                read.append((consultation.key, case))
        told(min(begin + _BATCH, len(wanted)), len(wanted))
    return Collected(joined(read), hooks, lost[_UNREAD], lost[_ERASED])


async def _followed(store: Store, ids: Sequence[str]) -> tuple[dict[str, FollowUp], set[str]]:
    """What was found for these, and whose outcomes are damaged: they stop no report of others."""
    try:
        return await store.outcomes.of(ids), set()
    except RecordUnreadable:
        found: dict[str, FollowUp] = {}
        damaged: set[str] = set()
        for each in ids:
            try:
                found |= await store.outcomes.of([each])
            except RecordUnreadable:
                damaged.add(each)
        return found, damaged


async def _read(store: Store, id_: str) -> tuple[Consultation | None, str]:
    """A consultation of a trial, or one that was shown; or why there is none to read."""
    try:
        found = await store.silent.get(id_) or await store.get(id_)
    except RecordErased:
        return None, _ERASED
    except RecordUnreadable:
        return None, _UNREAD
    return found, "" if found else _ERASED
