"""A consultation -> the cards that answer a hook. Pure: the same values give the same cards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from cds_hooks.cards import data, view
from cds_hooks.cards.around import around_of, sure_of
from cds_hooks.cards.entered import EnteredView, entered_of, entered_summary
from cds_hooks.cards.markdown import markdown
from cds_hooks.cards.phrases import fact_phrase
from cds_hooks.cards.suggestions import suggestions
from cds_hooks.cards.summary import differential_summary, fitted
from cds_hooks.consultation import Consultation, Outcome, Reason
from cds_hooks.protocol.cards import Card, Coding, Link, Response, Source
from fhir_mapping.diff import ChartDiff, diff
from prompts import ago

__all__ = ["build"]

_DAY = 86400.0
_MOST_CHANGES = 5
_MOST_CONFLICTS = 6
"""Conflicts on a card, which is read in passing; the consultation's page asks for all of them."""
_FRESH_S = 60.0
"""An answer younger than this is told without its age, in seconds."""


def build(
    consultation: Consultation,
    *,
    base_url: str,
    make_uuid: Callable[[], str],
    profile: str = "generic",
    patient_id: str = "",
    encounter_id: str = "",
    last: Consultation | None = None,
    now: float | None = None,
    silent: Collection[Outcome] = (),
    override_reasons: tuple[Coding, ...] | None = None,
    most_conflicts: int = _MOST_CONFLICTS,
) -> Response:
    """Cards for a hook, in the order in which they should be read.

    About problems just entered one card when a rule speaks of any, else none.

    `base_url` is the service's own address as clients see it; `patient_id` and `encounter_id` are
    the hook's, without which no Condition is suggested; `last` is an earlier answer about the same
    patient, shown with its age while there is no new one; `now` is UTC seconds, by default the
    time of `consultation`; `silent` are outcomes that give no card; more conflicts of the chart
    than `most_conflicts` are counted, not listed. Raises ValueError for a
    `base_url` that is not absolute and for a profile that there is none of.
    """
    maker = _Maker(
        base=_absolute(base_url),
        profile=data.profile(profile),
        make_uuid=make_uuid,
        patient_id=patient_id,
        encounter_id=encounter_id,
        now=consultation.created if now is None else now,
        reasons=data.override_reasons() if override_reasons is None else override_reasons,
        most_conflicts=most_conflicts,
    )
    if consultation.outcome is Outcome.CHECKED:
        return Response(maker.entries(consultation))
    cards = []
    if consultation.outcome is Outcome.ANSWERED:
        cards.append(maker.differential(consultation))
    elif _stands_in(last, consultation) and last is not None:
        cards.append(maker.earlier(last, consultation))
    elif consultation.outcome not in silent:
        cards.append(maker.status(consultation))
    if consultation.contradictions or _drug_conflicts(consultation):
        cards.append(maker.conflicts(consultation))
    return Response(tuple(cards))


@dataclass(frozen=True, slots=True)
class _Maker:
    """What all cards of one response share."""

    base: str
    profile: data.Profile
    make_uuid: Callable[[], str]
    patient_id: str
    encounter_id: str
    now: float
    reasons: tuple[Coding, ...]
    most_conflicts: int

    def differential(self, done: Consultation) -> Card:
        age = self._age(done)
        detail = self._detail(done, age=age)
        uuid = self.make_uuid()
        found = suggestions(
            done,
            self.profile,
            make_uuid=self.make_uuid,
            patient_id=self.patient_id,
            encounter_id=self.encounter_id,
        )
        return Card(
            summary=differential_summary(done, age),
            indicator="info",
            source=self._source("chartsideDifferential"),
            uuid=uuid,
            detail=detail,
            suggestions=found,
            selection_behavior=self.profile.selection_behavior if found else None,
            override_reasons=self.reasons,
            links=self._links(),
            extension=self.profile.extension or None,
        )

    def earlier(self, last: Consultation, present: Consultation) -> Card:
        """An earlier answer, marked as such. It suggests nothing: the chart has moved on."""
        found = diff(last.chart, present.chart)
        age = self._age(last) or ago(0.0, fine=True)
        why = data.texts().outcomes[present.outcome].summary
        return Card(
            summary=differential_summary(last, age),
            indicator="info",
            source=self._source("chartsideDifferential"),
            uuid=self.make_uuid(),
            detail=self._detail(last, age=age, since=found, why_old=why),
            override_reasons=self.reasons,
            links=self._links(),
            extension=self.profile.extension or None,
        )

    def status(self, unfinished: Consultation) -> Card:
        words = data.texts().outcomes[unfinished.outcome]
        shown = {
            "demonstration": _demonstration(unfinished),
            "detail": words.detail,
            "why": data.texts().faults.get(unfinished.fault, ""),
            "fault": unfinished.fault,
        }
        return Card(
            summary=fitted(words.summary),
            indicator="info",
            source=self._source("chartsideStatus"),
            uuid=self.make_uuid(),
            detail=markdown("status", view=shown, basis=view.basis_of(unfinished)),
            links=self._links(),
            extension=self.profile.extension or None,
        )

    def conflicts(self, consultation: Consultation) -> Card:
        words, own = data.texts().summary, consultation.contradictions
        drugs = _drug_conflicts(consultation)
        one, many = ("one_conflict", "conflicts") if own else ("one_drug", "drugs")
        count = len(own) + len(drugs)
        own = own[: self.most_conflicts]
        drugs = drugs[: self.most_conflicts - len(own)]
        return Card(
            summary=words[one] if count == 1 else f"{count} {words[many]}",
            indicator="warning" if own else "info",
            source=self._source("chartsideChartConflicts", rules=True),
            uuid=self.make_uuid(),
            detail=markdown(
                "conflicts",
                conflicts=view.conflicts_of(own, consultation.chart),
                drugs=view.conflicts_of(drugs, consultation.chart),
                more=count - len(own) - len(drugs),
            ),
            override_reasons=self.reasons,
            links=self._links(),
            extension=self.profile.extension or None,
        )

    def entries(self, checked: Consultation) -> tuple[Card, ...]:
        found = entered_of(checked.assessments, checked.chart)
        return (self._entered(found),) if found else ()

    def _entered(self, found: Sequence[EnteredView]) -> Card:
        return Card(
            summary=entered_summary(found),
            indicator="warning" if any(v.speaks_against for v in found) else "info",
            source=self._source("chartsideProblemCheck", rules=True),
            uuid=self.make_uuid(),
            detail=markdown("entered", problems=found),
            override_reasons=self.reasons,
            links=self._links(),
            extension=self.profile.extension or None,
        )

    def _detail(
        self,
        done: Consultation,
        *,
        age: str,
        since: ChartDiff | None = None,
        why_old: str = "",
    ) -> str:
        shown = {
            "demonstration": _demonstration(done),
            "age": age,
            "since": None if since is None else _since(since),
            "why_old": why_old,
            "standing": view.groups_of(done, standing=True),
            "apart": view.groups_of(done, standing=False),
            "around": around_of(done),
            "agreement": sure_of(done.truth_set),
        }
        return markdown("differential", view=shown, basis=view.basis_of(done))

    def _age(self, done: Consultation) -> str:
        seconds = self.now - done.created
        return ago(seconds / _DAY, fine=True) if seconds >= _FRESH_S else ""

    def _source(self, topic: str, *, rules: bool = False) -> Source:
        # Static and alphanumeric: clients remember overrides by it (Epic allows 100 characters).
        coding = Coding(topic, self.profile.topic_system)
        label = data.texts().source["rules" if rules else "label"]
        return Source(label, f"{self.base}/basis", topic=coding)

    def _links(self) -> tuple[Link, ...]:
        return (Link(data.texts().source["basis"], f"{self.base}/basis"),)


def _drug_conflicts(consultation: Consultation) -> tuple[Reason, ...]:
    return tuple(r for r in consultation.medication_concerns if r.check == "drug-and-problem")


def _absolute(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("base_url is an absolute http or https address without query or fragment")
    return base_url.rstrip("/")


def _stands_in(last: Consultation | None, present: Consultation) -> bool:
    answered = last is not None and last.outcome is Outcome.ANSWERED
    return answered and present.outcome is not Outcome.EMPTY


def _demonstration(consultation: Consultation) -> bool:
    return consultation.model is not None and consultation.model.demonstration


def _since(found: ChartDiff) -> tuple[str, ...]:
    """The first of what changed, each with how: "new: Lactate 4.1 mmol/L, high, 1 h ago"."""
    told = tuple(f"{word}: {fact_phrase(fact)}" for word, fact in found.told)
    more = (f"{len(told) - _MOST_CHANGES} more",) if len(told) > _MOST_CHANGES else ()
    return told[:_MOST_CHANGES] + more
