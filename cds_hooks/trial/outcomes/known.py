"""What was known of a patient at the hook, by the facts of the stored consultation."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.chart.indexed_chart import OVER, RecordedProblem
from cds_hooks.plausibility.rules.acute_events import is_acute, same_event_days
from cds_hooks.trial.outcomes.meaning import Meaning, meaning_of
from cds_hooks.trial.outcomes.rules import OutcomeRules
from fhir_mapping.chart import Certainty, Chart, Experiencer, Fact, Polarity

__all__ = ["KnownAtHook", "known_at_hook"]

_NOT_THERE = frozenset({"entered-in-error", "refuted", "other-patient"})


@dataclass(frozen=True, slots=True)
class KnownAtHook:
    """`meanings` are the diagnoses that the chart said the patient has; `references` the resources
    that say so; `seen` all resources that the chart held, whatever they said."""

    meanings: tuple[Meaning, ...] = ()
    references: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()

    def knows(self, found: Meaning) -> str:
        """Why a diagnosis was known: "known-same", "known-more-specific" (it says more than the
        chart did), "known-more-general"; "" where it was not.

        An acute event is known by an acute event of the last weeks only: an exacerbation, a new
        episode or a complication is new although its chronic form was there
        (`plausibility.checks.problem_list` decides alike on what a model proposes).
        """
        acute = _is_acute(found.problem)
        kinds = {
            kind
            for each in self.meanings
            if (kind := _related(each, found)) and (not acute or _is_recent_event(each.problem))
        }
        order = ("known-same", "known-more-specific", "known-more-general")
        return next((each for each in order if each in kinds), "")


def known_at_hook(chart: Chart, rules: OutcomeRules, terminology: Terminology) -> KnownAtHook:
    """What the chart of a stored consultation said that the patient has."""
    told = [fact for fact in chart.of(*rules.known.kinds) if _is_so(fact, rules.known.suspected)]
    meanings = (meaning_of(fact, rules, terminology) for fact in told)
    seen = {source for fact in chart.facts for source in fact.sources}
    seen |= {each.what for each in chart.omissions if each.reason not in _NOT_THERE}
    return KnownAtHook(
        tuple(each for each in meanings if each is not None),
        frozenset(source for fact in told for source in fact.sources),
        frozenset(seen),
    )


def _is_so(fact: Fact, suspected: bool) -> bool:
    """Whether a fact says that the patient has it now, or may have where that counts."""
    if fact.experiencer is not Experiencer.PATIENT or fact.status in OVER:
        return False
    if fact.polarity is Polarity.PRESENT and fact.certainty is Certainty.CERTAIN:
        return True
    return suspected and fact.polarity in (Polarity.PRESENT, Polarity.UNKNOWN)


def _related(known: Meaning, found: Meaning) -> str:
    mine, theirs = known.problem.identity, found.problem.identity
    if (known.system, known.code) == (found.system, found.code):
        return "known-same"
    if known.written == found.written != ("", ""):
        return "known-same"
    above, below = mine.covers_code(theirs), theirs.covers_code(mine)
    if (above and below) or mine.same_concept(theirs):
        return "known-same"
    if above or mine.covers_name(theirs):
        return "known-more-specific"
    return "known-more-general" if below or theirs.covers_name(mine) else ""


def _is_recent_event(problem: RecordedProblem) -> bool:
    began = problem.fact.days_ago
    return _is_acute(problem) and (began is None or began <= same_event_days())


def _is_acute(problem: RecordedProblem) -> bool:
    names = (each.display for each in problem.fact.codes if each.display)
    return is_acute(next(names, problem.fact.text), problem.concepts)
