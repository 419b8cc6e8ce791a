"""Following consultations up: patient by patient, each stored as soon as it is decided.

There is no list of what is done but the store's own rows: a run that was broken is run again and
goes on with what has no row, or one that is too old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from cds_hooks.audit.store_errors import RecordErased, RecordUnreadable
from cds_hooks.audit.trial_outcomes import READ, FollowedConsultation, FollowUp
from cds_hooks.consultation import Consultation, KeyState
from cds_hooks.errors import ChartsideError
from cds_hooks.services import find
from cds_hooks.trial.outcomes.decide import ConsultedChart, OutcomeDecider
from cds_hooks.trial.outcomes.patients import find_patient
from cds_hooks.trial.outcomes.reading import PatientNotRead, PatientRecord

__all__ = ["FollowUpRun", "Followed", "due"]

_DAY_S = 86_400.0
_MOST_IN_A_ROW = 5
_WHOLE = frozenset({KeyState.PREFETCHED, KeyState.FETCHED, KeyState.EMPTY})


class TooManyNotRead(ChartsideError):
    """Several patients in a row could not be read: it will be the server, and not they."""

    code = "outcomes-server-failing"
    status = 502


@dataclass(slots=True)
class Followed:
    """How far a run is, by counts only. `merged` counts consultations whose patient was replaced by
    another since, `states` how reading ended, `sources` outcomes by
    rule, `how` by what their codes were found, `passed_over` what was no outcome and why,
    `problems` consultations that are left for another run. `saved` are texts of what was stored, of
    which a keyed hash goes on record."""

    consultations: int = 0
    patients: int = 0
    outcomes: int = 0
    merged: int = 0
    states: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    how: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    saved: list[str] = field(default_factory=list, repr=False)

    @property
    def done(self) -> int:
        """How many consultations were dealt with, one way or the other."""
        return self.states.total() + self.problems.total()


def due(
    found: Iterable[FollowedConsultation],
    rules: str,
    now: float,
    *,
    again_after_s: float,
    again: bool = False,
) -> tuple[FollowedConsultation, ...]:
    """Those of the consultations that are to be read now: all that were never read by these rules,
    and those with an open window that were last read `again_after_s` ago."""
    return tuple(
        each
        for each in found
        if again
        or each.rules != rules
        or not (each.final or now - each.read < again_after_s)
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FollowUpRun:
    """One run.

    `load` gives a stored consultation by its id, a silent one too, `keys_of` the pseudonyms of a
    patient id on the server, `read` a patient's record since a time, `save` stores what was found
    (False: it is no longer there). `now` is UTC seconds.
    """

    load: Callable[[str], Awaitable[Consultation | None]]
    keys_of: Callable[[str], Iterable[str]]
    read: Callable[[str, float], Awaitable[PatientRecord]]
    decider: OutcomeDecider
    save: Callable[[FollowUp], Awaitable[bool]]
    now: float

    async def follow(
        self,
        wanted: Sequence[FollowedConsultation],
        told: Followed,
        advance: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Follow consultations up, writing into `told` as it goes; those of a patient are together
        in `wanted`. Raises what would meet every other patient too."""
        in_a_row = 0
        for patient in _by_patient(wanted):
            before = told.problems.total()
            await self._patient(patient, told)
            advance(len(patient))
            in_a_row = in_a_row + 1 if told.problems.total() > before else 0
            if in_a_row == _MOST_IN_A_ROW:
                hint = "Look at the server; then run the command again: it goes on."
                message = f"{in_a_row} patients in a row could not be read"
                raise TooManyNotRead(message, hint=hint)

    async def _patient(self, wanted: Sequence[FollowedConsultation], told: Followed) -> None:
        """All consultations of one patient, whose record is read once."""
        told.patients += 1
        record: PatientRecord | None = None
        for place, each in enumerate(wanted):
            consultation = await self._load(each.id, told)
            if consultation is None:
                continue
            patient = find_patient(consultation, self.keys_of)
            if patient.why_not:
                await self._decide(each, consultation, PatientRecord(patient.why_not), told)
                continue
            try:
                record = record or await self.read(patient.id, wanted[0].created)
            except PatientNotRead as error:
                told.problems[error.reason] += len(wanted) - place
                return
            await self._decide(each, consultation, record, told)

    async def _load(self, id_: str, told: Followed) -> Consultation | None:
        try:
            found = await self.load(id_)
        except RecordErased:
            found = None
        except RecordUnreadable as error:
            told.problems[error.code] += 1
            return None
        if found is None:
            told.states["consultation-gone"] += 1
        return found

    async def _decide(
        self,
        each: FollowedConsultation,
        consultation: Consultation,
        record: PatientRecord,
        told: Followed,
    ) -> None:
        if record.state != READ and each.state == READ:
            # What was read while it could be is worth more than a part of it, or nothing.
            told.states["kept-earlier"] += 1
            return
        consulted = ConsultedChart(
            each.created, consultation.chart, _conditions_whole(consultation)
        )
        decision = self.decider.decide(consulted, record.resources, record.ids)
        window_s = self.decider.rules.time.window_days * _DAY_S
        found = FollowUp(
            consultation=each.id,
            state=record.state,
            final=self.now >= each.created + window_s,
            rules=self.decider.rules.digest,
            read=self.now,
            outcomes=decision.outcomes,
            passed_over=decision.passed_over,
        )
        if not await self.save(found):
            told.states["consultation-gone"] += 1
            return
        told.states[record.state] += 1
        told.merged += record.merged
        told.outcomes += len(decision.outcomes)
        told.sources.update(outcome.source for outcome in decision.outcomes)
        told.how.update(decision.how)
        told.passed_over.update(decision.passed_over)
        told.missing.update(record.missing)
        told.saved.append(_text_of(found))


def _by_patient(
    wanted: Sequence[FollowedConsultation],
) -> Iterator[tuple[FollowedConsultation, ...]]:
    for _, group in groupby(wanted, key=lambda each: each.patient_key):
        yield tuple(group)


def _conditions_whole(consultation: Consultation) -> bool:
    """Whether the chart held all conditions of the patient, as far as the sender told."""
    service = find(consultation.service)
    templates: dict[str, str] = dict(service.prefetch) if service else {}
    keys = [key for key, query in templates.items() if query.startswith("Condition?")]
    states: list[Any] = [consultation.key_states.get(key) for key in keys]
    return bool(states) and all(state in _WHOLE for state in states)


def _text_of(found: FollowUp) -> str:
    """What was stored, without when: the same result gives the same text."""
    outcomes = sorted(f"{o.system}|{o.code}|{o.source}|{o.charted:.0f}" for o in found.outcomes)
    return "\n".join((found.consultation, found.state, str(found.final), found.rules, *outcomes))
