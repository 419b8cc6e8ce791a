"""What of a patient's later record is an outcome of a consultation, and why the rest is none. Pure.

Every diagnosis that is seen is an outcome or is counted under the code of why not; nothing is lost
without a count. The words of a resource are used to look its code up and go no further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from cds_hooks.audit.trial_outcomes import StoredOutcome
from cds_hooks.plausibility import Terminology
from cds_hooks.trial.outcomes.known import KnownAtHook, known_at_hook
from cds_hooks.trial.outcomes.meaning import Meaning, meaning_of
from cds_hooks.trial.outcomes.rules import NEVER, OutcomeRules
from cds_hooks.trial.outcomes.sightings import Resource, Sighting, reference_of, sightings
from cds_hooks.trial.outcomes.timing import Timed, timed
from fhir_mapping import map_chart
from fhir_mapping.chart import Certainty, Chart, Experiencer, Fact, Kind, Polarity
from fhir_mapping.elements.concepts import first_code
from fhir_mapping.input.patient_reference import one_patient_referred_to

__all__ = ["ConsultedChart", "Decision", "OutcomeDecider"]


@dataclass(frozen=True, slots=True)
class ConsultedChart:
    """The consultation that is followed up: when it was asked (UTC seconds), and the chart that was
    read then. `conditions_whole`: all of the patient's conditions were."""

    at: float
    chart: Chart = field(repr=False)
    conditions_whole: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcomes, the earliest first, and by code how often something was seen that is none.
    `how` counts by what the outcomes' codes were found ("name", "none")."""

    outcomes: tuple[StoredOutcome, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)
    how: Mapping[str, int] = field(default_factory=dict)


class OutcomeDecider:
    """Decides by rules and a terminology. `zone` is the site's, None this machine's; `digest` makes
    the keyed hash of an encounter's id."""

    def __init__(
        self,
        rules: OutcomeRules,
        terminology: Terminology,
        *,
        zone: tzinfo | None = None,
        digest: Callable[[str], str] = lambda _: "",
    ) -> None:
        self.rules = rules
        self._terminology = terminology
        self._zone = zone
        self._digest = digest

    def decide(
        self, consulted: ConsultedChart, resources: Iterable[Resource], patient_ids: Collection[str]
    ) -> Decision:
        """The outcomes among a patient's Encounters and Conditions; `patient_ids` are all ids that
        the patient has, after a merge more than one."""
        known = known_at_hook(consulted.chart, self.rules, self._terminology)
        passed: Counter[str] = Counter()
        own = list(_own(resources, patient_ids, passed))
        best: dict[tuple[str, str], tuple[StoredOutcome, str]] = {}
        for sighting in sightings(own, self.rules):
            found = self._outcome(sighting, consulted, known)
            if isinstance(found, str):
                passed[found] += 1
                continue
            outcome, _ = found
            place = (outcome.system, outcome.code)
            if place in best:
                passed["duplicate"] += 1
            if place not in best or outcome.charted < best[place][0].charted:
                best[place] = found
        kept = sorted(best.values(), key=lambda each: (each[0].charted, each[0].code))
        how = Counter(each for _, each in kept)
        return Decision(tuple(each for each, _ in kept), dict(passed), dict(how))

    def _outcome(
        self, sighting: Sighting, consulted: ConsultedChart, known: KnownAtHook
    ) -> tuple[StoredOutcome, str] | str:
        """An outcome and by what its code was found; else why it is none."""
        why = self._why_not_counted(sighting) or self._why_known(sighting, known)
        if why:
            return why
        absent = consulted.conditions_whole and sighting.reference not in known.seen
        when = timed(sighting, consulted.at, self.rules, self._zone, absent=absent)
        if when.why_not:
            return when.why_not
        fact = _fact(sighting.condition, consulted.at)
        if isinstance(fact, str):
            return fact
        meaning = meaning_of(fact, self.rules, self._terminology)
        if meaning is None:
            return "no-code"
        if meaning.icd and not self.rules.is_diagnosis(meaning.icd):
            return "no-diagnosis"
        if why := known.knows(meaning):
            return why
        return self._stored(sighting, meaning, when), meaning.how

    def _why_not_counted(self, sighting: Sighting) -> str:
        if sighting.rule is None:
            return "no-rule"
        if not sighting.rule.counts:
            return "source-not-counted"
        if not sighting.condition:
            return "condition-missing"
        if sighting.suspicion:
            return "suspicion"
        return self._why_not_so(sighting.condition)

    def _why_not_so(self, condition: Resource) -> str:
        rules = self.rules.condition
        verification = first_code(condition.get("verificationStatus"))
        if verification in NEVER:
            return verification
        if not (verification in rules.verification if verification else rules.without_verification):
            return "not-confirmed"
        clinical = first_code(condition.get("clinicalStatus"))
        if not (clinical in rules.clinical if clinical else rules.without_clinical):
            return "clinical-status"
        return ""

    @staticmethod
    def _why_known(sighting: Sighting, known: KnownAtHook) -> str:
        return "known-in-chart" if sighting.reference in known.references else ""

    def _stored(self, sighting: Sighting, meaning: Meaning, when: Timed) -> StoredOutcome:
        encounter = reference_of(sighting.encounter) if sighting.encounter is not None else ""
        return StoredOutcome(
            system=meaning.system,
            code=meaning.code,
            source=sighting.rule.id if sighting.rule else "",
            charted=when.charted,
            written=meaning.written,
            precision=when.precision,
            encounter=self._digest(encounter.partition("/")[2]) if encounter else "",
        )


def _own(
    resources: Iterable[Resource], patient_ids: Collection[str], passed: Counter[str]
) -> Iterator[Resource]:
    """The resources of this patient: a server may answer with others', or name nobody."""
    for resource in resources:
        named = one_patient_referred_to([resource])
        if named and named[0] in patient_ids:
            yield resource
        else:
            passed["other-patient" if named else "subject-missing"] += 1


def _fact(condition: Resource, at: float) -> Fact | str:
    """The resource as the fact that a chart would have of it; else why it is none."""
    named = one_patient_referred_to([condition])
    now = datetime.fromtimestamp(at, UTC)
    chart = map_chart([dict(condition)], patient_id=named[0] if named else "of", now=now)
    facts = chart.of(Kind.PROBLEM)
    if len(facts) != 1:
        return "no-code"
    [fact] = facts
    if fact.experiencer is not Experiencer.PATIENT:
        return "of-family"
    if fact.polarity in (Polarity.REFUTED, Polarity.ABSENT):
        return "refuted"
    sure = fact.polarity is Polarity.PRESENT and fact.certainty is Certainty.CERTAIN
    return fact if sure else "not-confirmed"
