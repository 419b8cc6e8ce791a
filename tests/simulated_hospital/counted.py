"""What was drawn, counted without the report: figures that it must come to exactly.

That a report's interval holds the built-in share is a question of statistics; that its numbers are
those of the encounters is bookkeeping, and must be so every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cds_hooks.trial.cases import MatchLevel
from tests.simulated_hospital.encounters import Encounter, Listed
from tests.simulated_hospital.expected import KS, LEVEL

__all__ = ["counted"]

Count = tuple[int, int]
"""Hits and of how many."""


def counted(encounters: Sequence[Encounter]) -> dict[str, Count]:
    """Hits and n of each figure that is a share, by its name. Encounters that leak are left out."""
    judged = [each for each in encounters if not each.leaks]
    found = [each for each in judged if each.charted]
    return {
        **_tops(found, tuple(MatchLevel), KS, ""),
        **_subgroups(found),
        **_verdicts(judged, found),
        **_votes(judged),
        **_rules(judged, found),
        "named before charted": _count(found, lambda e: _within(e, 99, LEVEL)),
    }


def _count(encounters: Iterable[Encounter], is_hit: Callable[[Encounter], bool]) -> Count:
    hits = [is_hit(each) for each in encounters]
    return sum(hits), len(hits)


def _near(listed: Listed, level: MatchLevel) -> bool:
    return listed.level is not None and level in listed.level.within


def _within(encounter: Encounter, k: int, level: MatchLevel) -> bool:
    return any(_near(each, level) for each in encounter.shown[:k])


def _tops(
    found: Sequence[Encounter], levels: Iterable[MatchLevel], ks: Iterable[int], group: str
) -> dict[str, Count]:
    return {
        f"top-{k}, {group or level}": _count(found, lambda e, k=k, at=level: _within(e, k, at))  # type: ignore[misc]
        for level in levels
        for k in ks
    }


def _subgroups(found: Sequence[Encounter]) -> dict[str, Count]:
    groups: dict[str, list[Encounter]] = {}
    for each in found:
        first = each.asked.hour // 6 * 6
        hours = f"{first:02} to {first + 5:02} h"
        for group in (each.patient.age_band, each.patient.sex, hours):
            groups.setdefault(group, []).append(each)
    told = [_tops(cases, (LEVEL,), (1, 3), group) for group, cases in groups.items()]
    return {name: count for each in told for name, count in each.items()}


def _of_listed(judged: Iterable[Encounter], wanted: Callable[[Listed], bool]) -> Count:
    """How many of the wanted diagnoses were charted."""
    hits = [
        _near(each, LEVEL) and encounter.charted is not None
        for encounter in judged
        for each in encounter.listed
        if wanted(each)
    ]
    return sum(hits), len(hits)


def _verdicts(judged: Sequence[Encounter], found: Sequence[Encounter]) -> dict[str, Count]:
    right, n = _of_listed(judged, lambda each: each.cited and not each.refuted)
    return {
        "struck out and right": _of_listed(judged, lambda each: each.refuted),
        "lost by striking out": _count(
            found, lambda e: any(_near(each, LEVEL) and each.refuted for each in e.listed)
        ),
        "supported and right": (right, n),
        "supported and wrong": (n - right, n),
    }


def _votes(judged: Sequence[Encounter]) -> dict[str, Count]:
    return {
        f"right of {votes} in 3 votes": _of_listed(
            judged,
            lambda each, v=votes: each.votes == v and not each.refuted,  # type: ignore[misc]
        )
        for votes in (1, 2, 3)
    }


def _rules(judged: Sequence[Encounter], found: Sequence[Encounter]) -> dict[str, Count]:
    told: dict[str, Count] = {}
    rules = {each.complaint.rule for each in judged if each.complaint.rule}
    for rule in rules:
        about = [each for each in found if each.truth.code == rule.of]
        fired = [each for each in judged if each.complaint.rule is rule and each.rule_fires]
        hits = sum(each.truth.code == rule.of and each.charted is not None for each in fired)
        told[f"{rule.id}: right where it fired"] = hits, len(fired)
        caught = _count(about, lambda each: each.rule_fires)
        told[f"{rule.id}: fired where it was right"] = caught
    right = [told[f"{rule.id}: right where it fired"] for rule in rules]
    caught_by = [told[f"{rule.id}: fired where it was right"] for rule in rules]
    n = sum(of for _, of in caught_by)
    return {
        **told,
        "rules: right where they fired": (sum(h for h, _ in right), sum(of for _, of in right)),
        "rules: missed": (n - sum(hits for hits, _ in caught_by), n),
    }
