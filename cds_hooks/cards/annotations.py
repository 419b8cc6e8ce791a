"""What the rules say around a diagnosis and around a list, each with the entries of the chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cds_hooks.cards import phrases
from cds_hooks.cards.card_data import texts
from cds_hooks.consultation import (
    Assessment,
    Differential,
    Ranking,
    Reason,
    TruthSet,
    Verdict,
)
from fhir_mapping.chart import Chart, Fact

__all__ = [
    "agreement_of",
    "facts_of",
    "notes_of",
    "order_of",
    "probability_of",
    "says",
    "short_facts",
    "sure_of",
]

_MOST_FACTS = 5


def agreement_of(assessment: Assessment, answers: Sequence[Differential]) -> str:
    """In how many answers, of several models by how many of these; "" when there was one answer."""
    models = len({one.model for one in answers})
    if models > 1:
        return f"by {round(assessment.model_share * models)} of {models} models"
    count = len(answers)
    return f"in {round(assessment.agreement * count)} of {count} answers" if count > 1 else ""


def notes_of(assessment: Assessment, chart: Chart) -> tuple[str, ...]:
    """What rules know of a diagnosis without judging it, with the entries concerned."""
    told = [(r, words) for r in assessment.reasons if (words := _noted(r))]
    lines = (f"{words}: {'; '.join(facts_of(r, chart))}" for r, words in told)
    return tuple(dict.fromkeys(lines))


def sure_of(found: TruthSet | None) -> str:
    """What the agreement promises, and on which cases it was learnt."""
    if found is None:
        return ""
    words = texts().annotations["truth_set" if found.names else "truth_set_empty"]
    names = "; ".join(phrases.name(n) for n in found.names)
    return words.format(
        names=names, held=f"{1 - found.error:.0%}", n=found.n, source=phrases.remark(found.source)
    )


def probability_of(assessment: Assessment) -> str:
    """How likely the verifier holds it to be right, in whole per cent; "" without a probability,
    and for what is on the problem list already: nobody doubts that it is there.

    Never 0 or 100: no calibration on some hundreds of cases tells so much.
    """
    if assessment.probability is None or assessment.verdict is Verdict.RECORDED:
        return ""
    share = round(100 * assessment.probability)
    return "below 1 %" if share < 1 else "above 99 %" if share > 99 else f"{share} %"


def order_of(found: Ranking | None) -> str:
    """What put the list in its order, and on how many cases its probabilities were calibrated."""
    if found is None:
        return ""
    words = texts().annotations
    data = phrases.remark("; ".join(found.data))
    if found.by == "rules":
        return words["order_by_rules"].format(version=found.version)
    if not found.cases:
        return words["order_alone"].format(source=data)
    return words["order"].format(n=found.cases, source=data)


def says(reason: Reason) -> str:
    """What a check says, or its id as words when it says nothing that can be seen."""
    return phrases.remark(reason.text) or phrases.remark(reason.check.replace("-", " "))


def facts_of(reason: Reason, chart: Chart, most: int = _MOST_FACTS) -> tuple[str, ...]:
    """The entries of the chart that a check looked at, as many as are worth their place."""
    return _facts(reason, chart, most, phrases.fact_phrase)


def short_facts(reason: Reason, chart: Chart, most: int) -> tuple[str, ...]:
    """The same as a card tells them."""
    return _facts(reason, chart, most, phrases.short_phrase)


def _facts(reason: Reason, chart: Chart, most: int, told: Callable[[Fact], str]) -> tuple[str, ...]:
    facts = [fact for i in reason.fact_ids if (fact := chart.fact(i))]
    shown = tuple(told(f) for f in facts[:most])
    more = len(facts) - most
    return (*shown, f"{more} more") if more > 0 else shown


def _noted(reason: Reason) -> str:
    """How a check that does not judge is told; "" for one that is not."""
    checks = texts().checks
    if reason.result != "abstain":
        return ""
    if reason.check in checks.worded:
        said = says(reason)
        return said[:1].upper() + said[1:]
    return checks.noted.get(reason.check, "")
