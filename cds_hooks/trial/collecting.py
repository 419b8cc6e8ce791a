"""From stored consultations and what was found afterwards to the cases of a report. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from cds_hooks.audit.trial_outcomes import READ, FollowUp, StoredOutcome
from cds_hooks.cards.differential_list import accepted_by_verdict, is_accepted
from cds_hooks.consultation import Assessment, CheckedConsultation, Consultation
from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.chart.indexed_chart import OVER, recorded_problem
from cds_hooks.plausibility.chart_rules.finding_patterns import patterns
from cds_hooks.statistics.subgroups import groups_of
from cds_hooks.trial.cases import Code, Finding, Outcome, Proposed, TrialCase
from fhir_mapping.chart import Chart, Experiencer, Fact, Kind, Polarity

__all__ = ["Collecting", "StoredCase"]

_FAILED = "fail"
_DENIED = (Polarity.ABSENT, Polarity.REFUTED)
_NAMED = (Kind.PROBLEM, Kind.COMPLAINT)


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A consultation as it is stored, what was found for it (None: nobody looked), and the keyed
    hash of its encounter ("": the hook named none)."""

    consultation: Consultation
    follow_up: FollowUp | None
    encounter: str = ""


class Collecting:
    """Makes cases. `zone` is the site's, None this machine's; `ranked` gives the diagnoses of a
    consultation in the order in which they are shown."""

    def __init__(
        self,
        terminology: Terminology,
        *,
        zone: tzinfo | None = None,
        ranked: Callable[[CheckedConsultation], tuple[Assessment, ...]] | None = None,
    ) -> None:
        self._terminology = terminology
        self._zone = zone
        self._ranked = ranked or _as_shown
        self._codes_of: dict[str, tuple[Code, ...]] = {}

    def case(self, stored: StoredCase) -> TrialCase | None:
        """The case of a consultation; None of one that the service's own pages asked for."""
        found = stored.consultation
        groups = dict(each.split(":", 1) for each in groups_of(found) if ":" in each)
        if not groups:
            return None
        asked = datetime.fromtimestamp(found.created, UTC)
        return TrialCase(
            consultation=found.id,
            patient=found.patient_key,
            encounter=stored.encounter,
            service=found.service,
            asked=asked,
            hour=asked.astimezone(self._zone).hour,
            age_band=groups["age"],
            sex=groups["sex"],
            model=found.model.sha256 if found.model else "",
            settings=found.settings_sha256,
            ended=found.outcome.value,
            seconds=_seconds(found),
            silent=found.silent,
            proposed=self._proposed(found),
            findings=tuple(self._findings(found)),
            visible_codes=frozenset(self._visible(found)),
            outcomes=_outcomes(stored.follow_up),
        )

    def _proposed(self, found: Consultation) -> tuple[Proposed, ...]:
        if not isinstance(found, CheckedConsultation):
            return ()
        return tuple(map(_proposed, self._ranked(found)))

    def _findings(self, found: Consultation) -> Iterator[Finding]:
        for each in found.chart_findings:
            yield Finding(each.rule, self.codes_of(each.diagnosis))

    def rules(self) -> dict[str, tuple[Code, ...]]:
        """The codes of every rule that names a diagnosis, by the rule's id."""
        return {each.id: self.codes_of(each.diagnosis) for each in patterns()}

    def codes_of(self, name: str) -> tuple[Code, ...]:
        """The codes of a diagnosis that a rule names; none where the name is no single disease."""
        if name not in self._codes_of:
            found = self._terminology.resolve(name)
            codes = found.codes if found.recognised else ()
            self._codes_of[name] = tuple((each.system, each.code) for each in codes)
        return self._codes_of[name]

    def _visible(self, found: Consultation) -> Iterator[Code]:
        """The codes that the prompt's facts have, of what they say that the patient has now.

        A problem that is over is not visible as an answer: its new episode is new.
        """
        shown = set(found.prompt.fact_ids) if found.prompt else set()
        for fact in _current(found.chart, shown):
            yield from ((each.system, each.code) for each in fact.codes if each.code)
            if fact.kind in _NAMED:
                concepts = recorded_problem(fact, self._terminology).concepts
                yield from ((each.system, each.code) for each in concepts)


def _as_shown(found: CheckedConsultation) -> tuple[Assessment, ...]:
    """In the order of the card, what the checks took from the list behind it."""
    rejected = tuple(each for each in found.assessments if not is_accepted(each))
    return accepted_by_verdict(found.assessments) + rejected


def _proposed(assessment: Assessment) -> Proposed:
    failed = {each.check for each in assessment.reasons if each.result == _FAILED}
    return Proposed(
        codes=tuple((each.system, each.code) for each in assessment.codes),
        verdict=assessment.verdict,
        agreement=assessment.agreement,
        flags=tuple(sorted(failed)),
        struck_out=not is_accepted(assessment),
        probability=assessment.probability,
    )


def _current(chart: Chart, shown: Collection[str]) -> Iterator[Fact]:
    for fact in chart.facts:
        is_so = fact.polarity not in _DENIED and fact.status not in OVER
        if fact.id in shown and is_so and fact.experiencer is Experiencer.PATIENT:
            yield fact


def _seconds(found: Consultation) -> float | None:
    """The sum of the stages; parts of a stage ("model.decode") are in it already."""
    stages = [took for name, took in found.timings_ms.items() if "." not in name]
    return sum(stages) / 1000 if stages else None


def _outcomes(follow_up: FollowUp | None) -> tuple[Outcome, ...] | None:
    """What was found; None until the window has closed and the record could be read whole: cases
    whose outcomes come early must not count before the others."""
    if follow_up is None or not follow_up.final or follow_up.state != READ:
        return None
    return tuple(map(_outcome, follow_up.outcomes))


def _outcome(stored: StoredOutcome) -> Outcome:
    at = datetime.fromtimestamp(0, UTC) + timedelta(seconds=stored.charted)
    exact = stored.precision == "instant"
    return Outcome(stored.system, stored.code, stored.source, at, exact)
