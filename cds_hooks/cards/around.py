"""What the rules say around a diagnosis and around a list, each with the entries of the chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cds_hooks.cards import phrases
from cds_hooks.cards.data import texts
from cds_hooks.consultation import Assessment, Consultation, Differential, Reason, TruthSet
from fhir_mapping.chart import Chart

__all__ = ["Aside", "around_of", "agreement_of", "facts_of", "notes_of", "says", "sure_of"]

_MOST_LINES, _MOST_FACTS = 3, 5


@dataclass(frozen=True, slots=True)
class Aside:
    """A section beside the diagnoses: lines of a `name` in bold (or none), what is `said`, and the
    `facts`; `more` is how many lines or facts are not shown."""

    title: str
    lines: tuple[tuple[str, str, tuple[str, ...]], ...]
    more: int


def agreement_of(assessment: Assessment, answers: Sequence[Differential]) -> str:
    """In how many answers, of several models by how many of these; "" when there was one answer."""
    models = len({one.model for one in answers})
    if models > 1:
        return f"by {round(assessment.model_share * models)} of {models} models"
    count = len(answers)
    return f"in {round(assessment.agreement * count)} of {count} answers" if count > 1 else ""


def notes_of(assessment: Assessment, chart: Chart) -> tuple[str, ...]:
    """What rules know of a diagnosis without judging it, with the entries concerned."""
    noted = texts().checks.noted
    told = [r for r in assessment.reasons if r.check in noted and r.result == "abstain"]
    return tuple(dict.fromkeys(f"{noted[r.check]}: {'; '.join(facts_of(r, chart))}" for r in told))


def around_of(consultation: Consultation) -> tuple[Aside, ...]:
    """What the list leaves out and what current drugs may have to do with it; shortest to read
    first what matters most. Empty sections are not there."""
    titles, chart = texts().around, consultation.chart
    drugs = [r for r in consultation.medication_concerns if r.check == "drug-and-result"]
    found = (
        _lines(titles["not_considered"], consultation.not_considered, chart),
        _facts(titles["unexplained"], consultation.unexplained, chart),
        _lines(titles["drugs"], drugs, chart),
    )
    return tuple(aside for aside in found if aside.lines)


def sure_of(found: TruthSet | None) -> str:
    """What the agreement promises, and on which cases it was learnt."""
    if found is None:
        return ""
    words = texts().around["truth_set" if found.names else "truth_set_empty"]
    names = "; ".join(phrases.name(n) for n in found.names)
    return words.format(
        names=names, held=f"{1 - found.error:.0%}", n=found.n, source=phrases.remark(found.source)
    )


def says(reason: Reason) -> str:
    """What a check says, or its id as words when it says nothing that can be seen."""
    return phrases.remark(reason.text) or phrases.remark(reason.check.replace("-", " "))


def facts_of(reason: Reason, chart: Chart, most: int = _MOST_FACTS) -> tuple[str, ...]:
    """The entries of the chart that a check looked at, as many as are worth their place."""
    facts = [fact for i in reason.fact_ids if (fact := chart.fact(i))]
    shown = tuple(phrases.fact_phrase(f) for f in facts[:most])
    more = len(facts) - most
    return (*shown, f"{more} more") if more > 0 else shown


def _lines(title: str, reasons: Iterable[Reason], chart: Chart) -> Aside:
    """One line a reason: what stands before the colon of its text as the name, and its facts."""
    all_ = list(reasons)
    lines = []
    for reason in all_[:_MOST_LINES]:
        name, _, said = says(reason).partition(": ")
        lines.append((name[:1].upper() + name[1:], said, facts_of(reason, chart)))
    return Aside(title, tuple(lines), max(len(all_) - _MOST_LINES, 0))


def _facts(title: str, reasons: Iterable[Reason], chart: Chart) -> Aside:
    """One line with the facts of all reasons."""
    lines = tuple(("", "", facts_of(reason, chart)) for reason in reasons)
    return Aside(title, lines, 0)
