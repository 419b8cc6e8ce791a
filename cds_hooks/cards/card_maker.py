"""The cards of one response: what they share, and how each is put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from cds_hooks.cards import card_data
from cds_hooks.cards.answer_age import age_in_words, with_current_ages
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.detail import (
    Measured,
    basis_line,
    changed_lines,
    list_block,
    named_only,
    rules_block,
    status_head,
    unexplained_block,
)
from cds_hooks.cards.detail_blocks import composed
from cds_hooks.cards.diagnosis_override_reasons import diagnosis_reasons
from cds_hooks.cards.new_problem import NewProblemView, new_problem_blocks, new_problem_summary
from cds_hooks.cards.rule_lines import RuleLine, facts_told, indicator_of, patterns_alone
from cds_hooks.cards.speak_policy import is_demonstration
from cds_hooks.cards.suggestions import suggestions
from cds_hooks.cards.summary import fitted, list_summary, rules_summary, with_first_that_fits
from cds_hooks.cards.topics import (
    CHART_CONFLICTS,
    CHART_FINDINGS,
    DIFFERENTIAL,
    PROBLEM_CHECK,
    STATUS,
)
from cds_hooks.consultation import CheckedConsultation, Consultation
from cds_hooks.protocol.cards import Card, Coding, Link, Source, Suggestion

__all__ = ["CardMaker"]

_SPACE = ((3, 3, 1), (3, 2, 0), (3, 1, 0), (2, 1, 0), (1, 1, 0), (1, 0, 0))
"""What is tried in turn: most lines of rules; least lines of the list, and of what is not
explained."""

_Indicator = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class CardMaker:
    """What all cards of one response share; `now` is UTC seconds."""

    base: str
    profile: card_data.Profile
    make_uuid: Callable[[], str]
    patient_id: str
    encounter_id: str
    now: float
    reasons: tuple[Coding, ...]
    accuracy: str
    limit: int

    def findings(
        self, done: Consultation, lines: Sequence[RuleLine], listed: CheckedConsultation | None
    ) -> Card:
        """What rules found and, where there is one, the model's list. An earlier list suggests
        nothing: the chart has moved on since."""
        uuid = self.make_uuid()
        new = listed if listed is done else None
        found = self._suggested(new) if new else ()
        return self._card(
            summary=self._summary(done, lines, listed),
            indicator=indicator_of(done),
            source=self._source(_topic(done, lines), _label(lines, listed)),
            uuid=uuid,
            detail=self._detail(done, lines, listed),
            suggestions=found,
            selection_behavior=self.profile.selection_behavior if found else None,
            override_reasons=(*self.reasons, *(diagnosis_reasons(new) if new else ())),
        )

    def status(self, unfinished: Consultation) -> Card:
        """Why there is no list, where rules found nothing either."""
        return self._card(
            summary=fitted(texts().outcomes[unfinished.outcome].summary),
            indicator="info",
            source=self._source(STATUS, "status"),
            detail=composed(
                status_head(unfinished),
                [unexplained_block(unfinished, None, set())],
                basis_line(unfinished, None, caution=False),
                self.limit,
            ),
            override_reasons=(),
        )

    def entered(self, found: Sequence[NewProblemView]) -> Card:
        """What rules say of problems just entered."""
        return self._card(
            summary=new_problem_summary(found),
            indicator="warning" if any(v.speaks_against for v in found) else "info",
            source=self._source(PROBLEM_CHECK, "rules"),
            detail=composed("", new_problem_blocks(found), texts().entered["foot"], self.limit),
        )

    def _card(self, *, indicator: str, **more: Any) -> Card:
        kind: _Indicator = indicator  # type: ignore[assignment]
        shared = {
            "uuid": more.pop("uuid", "") or self.make_uuid(),
            "override_reasons": self.reasons,
            "links": (Link(texts().source["basis"], f"{self.base}/basis"),),
            "extension": self.profile.extension or None,
        }
        return Card(indicator=kind, **{**shared, **more})

    def _summary(
        self, done: Consultation, lines: Sequence[RuleLine], listed: CheckedConsultation | None
    ) -> str:
        words = texts().summary
        by_rules = rules_summary(done) if lines else ""
        if listed is None:
            return by_rules
        if is_demonstration(listed):
            return by_rules or words.demonstration
        age = age_in_words(self.now - listed.created)
        lead = words.model if by_rules else words.plain
        tries = list_summary(listed, f"{lead}, {age}" if age else lead)
        return with_first_that_fits(by_rules, tries) or fitted(tries[-1])

    def _detail(
        self, done: Consultation, lines: Sequence[RuleLine], listed: CheckedConsultation | None
    ) -> str:
        """As many lines of each part as fit within the limit, rules first."""
        shown = _CardContent(
            lines=lines,
            present=with_current_ages(done, self.now, told=True),
            listed=listed and with_current_ages(listed, self.now, told=True),
            changed=changed_lines(listed, done) if listed and listed.id != done.id else (),
            told_of=Measured(
                age_in_words(self.now - listed.created) if listed else "", self.accuracy
            ),
            age=age_in_words(self.now - done.created, hours=True),
            basis=basis_line(done, listed),
        )
        told = ""
        for most, *least in _SPACE:
            told = shown.detail(most, least, self.limit)
            if len(told) <= self.limit:
                break
        return told

    def _suggested(self, done: CheckedConsultation) -> tuple[Suggestion, ...]:
        return suggestions(
            done,
            self.profile,
            make_uuid=self.make_uuid,
            patient_id=self.patient_id,
            encounter_id=self.encounter_id,
        )

    def _source(self, topic: str, label: str) -> Source:
        # Static and alphanumeric: clients remember overrides by it (Epic allows 100 characters).
        coding = Coding(topic, self.profile.topic_system)
        return Source(texts().source[label], f"{self.base}/basis", topic=coding)


@dataclass(frozen=True, slots=True)
class _CardContent:
    """All that a card can tell, before it is cut to the limit."""

    lines: Sequence[RuleLine]
    present: Consultation
    listed: CheckedConsultation | None
    changed: tuple[str, ...]
    told_of: Measured
    age: str
    basis: str

    def detail(self, most: int, least: Sequence[int], limit: int) -> str:
        """With `most` lines of rules; `least` are lines of the other parts that stay."""
        # A fact is told once, so what the list tells depends on how many rules fitted.
        seen = facts_told(self.lines[:most], self.present.chart)
        rules = rules_block(self.lines, most, self.age)
        rest = (
            list_block(self.present, self.listed, self.changed, seen, self.told_of),
            unexplained_block(self.present, self.listed, seen),
        )
        bounded = (replace(b, least=min(n, len(b.lines))) for b, n in zip(rest, least, strict=True))
        told = (*self.lines[:most], *named_only(self.lines, most))
        own = any(line.own for line in told)
        foot = f"{self.basis} {texts().blocks['own']}" if own else self.basis
        return composed("", [rules, *bounded], foot, limit)


def _topic(done: Consultation, lines: Sequence[RuleLine]) -> str:
    """By what leads the card: who sets a list aside for good goes on seeing what rules find."""
    if done.chart_findings or patterns_alone(done):
        return CHART_FINDINGS
    return CHART_CONFLICTS if lines else DIFFERENTIAL


def _label(lines: Sequence[RuleLine], listed: CheckedConsultation | None) -> str:
    if listed is None:
        return "rules"
    return "both" if lines else "label"
