"""Whether a diagnosis was charted after the hook and within the window, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from cds_hooks.trial.outcomes.moments import Moment, Side, end_of, first_moment
from cds_hooks.trial.outcomes.rules import OutcomeRules
from cds_hooks.trial.outcomes.sightings import Resource, Sighting
from fhir_mapping.elements.json_values import first, object_of, objects, string

__all__ = ["Timed", "timed"]

_DAY_S = 86_400.0
# R4 and R5, STU3, DSTU2.
_RECORDED = ("recordedDate", "assertedDate", "dateRecorded")
_ONSET = ("onsetDateTime", "onsetPeriod")
_ABATEMENT = ("abatementDateTime", "abatementPeriod")
_PERIOD = ("period", "actualPeriod")
_ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


@dataclass(frozen=True, slots=True)
class Timed:
    """When a diagnosis was charted (UTC seconds, the earliest it may have been) and how exact that
    is; or in `why_not` the code of why that is no time of an outcome."""

    charted: float = 0.0
    precision: str = ""
    why_not: str = ""


def timed(
    sighting: Sighting, hook: float, rules: OutcomeRules, zone: tzinfo | None, *, absent: bool
) -> Timed:
    """When a diagnosis was charted, against the time of a hook (UTC seconds).

    `absent`: the chart as gathered at the hook held all conditions, and not this one.
    `meta.lastUpdated` is never asked: any correction of a spelling moves it.
    """
    condition = sighting.condition
    if sighting.encounter is not None and (
        why := _encounter(sighting.encounter, hook, rules, zone)
    ):
        return Timed(why_not=why)
    over = first_moment(condition, _ABATEMENT, zone)
    if over is not None and over.side_of(hook) is Side.BEFORE:
        return Timed(why_not="over-before")
    onset = first_moment(condition, _ONSET, zone)
    if onset is not None and onset.latest <= hook - rules.time.onset_days_before * _DAY_S:
        return Timed(why_not="onset-long-before")
    recorded = _recorded(condition, zone)
    if recorded is not None:
        return _placed(recorded, hook, rules, absent)
    if sighting.encounter is not None:
        ended = end_of(object_of(first(sighting.encounter, _PERIOD)), zone)
        return Timed(why_not="undated") if ended is None else _placed(ended, hook, rules, absent)
    if onset is None:
        return Timed(why_not="undated")
    # Onset tells when it began, not when it was known: only one after the hook is surely new.
    if onset.side_of(hook) is not Side.AFTER:
        return Timed(why_not="recorded-date-missing")
    return _placed(onset, hook, rules, absent)


def _encounter(encounter: Resource, hook: float, rules: OutcomeRules, zone: tzinfo | None) -> str:
    """Why an encounter's diagnoses do not count: it is open, or was over at the hook."""
    ended = end_of(object_of(first(encounter, _PERIOD)), zone)
    if ended is not None and ended.side_of(hook) is Side.BEFORE:
        return "encounter-ended-before"
    status = string(encounter.get("status")).lower()
    return "" if status in rules.encounter.statuses else "encounter-open"


def _recorded(condition: Resource, zone: tzinfo | None) -> Moment | None:
    """When it was first asserted or recorded, the earlier of what is told."""
    told = {name: condition.get(name) for name in _RECORDED}
    for each in objects(condition.get("extension")):
        if each.get("url") == _ASSERTED:
            told["extension"] = each.get("valueDateTime")
    found = [moment for name in told if (moment := first_moment(told, (name,), zone))]
    return min(found, key=lambda each: each.earliest, default=None)


def _placed(moment: Moment, hook: float, rules: OutcomeRules, absent: bool) -> Timed:
    side = moment.side_of(hook)
    if side is Side.BEFORE:
        return Timed(why_not="charted-before")
    if moment.earliest > hook + rules.time.window_days * _DAY_S:
        return Timed(why_not="after-window")
    if side is Side.AMBIGUOUS:
        policy = rules.time.same_day
        if policy == "never" or (policy == "unless-in-chart" and not absent):
            return Timed(why_not="same-day")
    return Timed(max(moment.earliest, hook), moment.precision)
