"""A problem just entered, as a card shows it: only when a rule speaks, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cds_hooks.cards import phrases
from cds_hooks.cards.annotations import facts_of, notes_of, says
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.detail_blocks import Block, escaped, joined
from cds_hooks.cards.escape import TerminologyCode, capped, plain
from cds_hooks.cards.summary import LIMIT, fitted
from cds_hooks.consultation import Assessment, Reason, Verdict
from fhir_mapping.chart import Chart

__all__ = ["NewProblemView", "new_problem_blocks", "new_problem_summary", "new_problem_views"]

_NAME, _TEXT, _FACT, _LINE = 50, 90, 60, 150
_MOST = 3
"""Problems on one card; more are counted, and the page has them all."""


@dataclass(frozen=True, slots=True)
class RuleStatement:
    """What a rule says, its published source, and the entries it looked at."""

    text: str
    source: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewProblemView:
    """A problem that a rule speaks of; `speaks_against` is whether it does not fit the chart."""

    name: str
    code: str
    verdict: str
    told: tuple[RuleStatement, ...]
    notes: tuple[str, ...]
    speaks_against: bool


def new_problem_views(
    assessments: Iterable[Assessment], chart: Chart
) -> tuple[NewProblemView, ...]:
    """Those of the entered problems of which there is something to say, worst first."""
    found = [_view(a, chart) for a in assessments]
    shown = [v for v in found if v.told or v.notes]
    return tuple(sorted(shown, key=lambda v: not v.speaks_against))


def new_problem_summary(views: Sequence[NewProblemView]) -> str:
    """One sentence: of one problem what is said of it, of several how many."""
    words = texts().entered
    if len(views) > 1:
        return fitted(f"{len(views)} {words['several']}")
    (one,) = views
    name = capped(plain(one.name), _NAME)
    said = one.told[0].text if one.told else one.notes[0]
    return capped(f"{words['lead']}, {name}: {plain(said).rstrip('.')}", LIMIT)


def new_problem_blocks(views: Sequence[NewProblemView]) -> tuple[Block, ...]:
    """One block a problem: its name, then a line for each rule that speaks of it."""
    blocks = [Block(_title(v), _lines(v), least=int(at == 0)) for at, v in enumerate(views[:_MOST])]
    if len(views) > _MOST:
        blocks[-1] = replace(blocks[-1], more=len(views) - _MOST)
    return tuple(blocks)


def _title(view: NewProblemView) -> str:
    name = f"**{escaped(view.name, _NAME)}**"
    code = f" ({escaped(view.code, _NAME)})" if view.code else ""
    return f"{name}{code}: {view.verdict}" if view.verdict else f"{name}{code}"


def _lines(view: NewProblemView) -> tuple[str, ...]:
    told = [_line(one) for one in view.told]
    return (*told, *(escaped(note, _LINE) for note in view.notes))


def _line(one: RuleStatement) -> str:
    facts = [escaped(fact, _FACT) for fact in one.facts]
    text = joined(escaped(one.text, _TEXT) + (": " if facts else ""), facts, _LINE)
    return f"{text} (rule: {escaped(one.source, _TEXT)})" if one.source else text


def _view(assessment: Assessment, chart: Chart) -> NewProblemView:
    failed = [r for r in assessment.reasons if r.result == "fail"]
    against = assessment.verdict is Verdict.CONTRADICTED
    icd = (c.code for c in assessment.codes if c.system == phrases.ICD_10_CM)
    return NewProblemView(
        name=phrases.name(assessment.name),
        code=TerminologyCode(next(icd, "")),
        verdict=texts().entered[assessment.verdict.value] if failed else "",
        told=tuple(_told(r, chart) for r in failed),
        notes=() if against else notes_of(assessment, chart),
        speaks_against=against,
    )


def _told(reason: Reason, chart: Chart) -> RuleStatement:
    text = says(reason)
    return RuleStatement(
        text[:1].upper() + text[1:], phrases.remark(reason.source), facts_of(reason, chart)
    )
