"""Consultations of a trial with what was found afterwards, as drafts of examples. Pure.

The prompt is made again from the stored chart, which the mapping has de-identified.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cds_hooks.cards.differential_list import accepted_by_verdict
from cds_hooks.consultation import Assessment, Candidate, CheckedConsultation, Group
from cds_hooks.evaluation.suites.leaks import content_words
from cds_hooks.evaluation.trained_cases import id_digest, text_digest
from cds_hooks.plausibility import Terminology
from cds_hooks.trial.cases import Code, TrialCase
from cds_hooks.trial.report.leaks import leaks_of
from cds_hooks.trial.report.terminology_matcher import TerminologyMatcher
from cds_hooks.tuning.draft import Draft
from cds_hooks.tuning.example import GoldDiagnosis

__all__ = ["TrialDrafts"]

_SOURCE = "trial"


@dataclass(slots=True)
class TrialDrafts:
    """Makes drafts; `dropped` counts cases that make none, by reason."""

    terminology: Terminology
    dropped: Counter[str] = field(default_factory=Counter)
    drafts: list[Draft] = field(default_factory=list)
    _matcher: TerminologyMatcher = field(init=False)

    def __post_init__(self) -> None:
        self._matcher = TerminologyMatcher(self.terminology)

    def add(self, case: TrialCase, found: CheckedConsultation) -> None:
        """One consultation. Its truth is the outcome that was charted first; one whose outcome
        the prompt showed, by its code or another of the same disease, is a leak, and teaches
        nothing but reading."""
        if not case.outcomes:
            self.dropped["no-outcome" if case.outcomes is not None else "window-open"] += 1
            return
        codes = [each.coded for each in sorted(case.outcomes, key=lambda o: o.charted)]
        if leaks_of(case, self._matcher):
            self.dropped["outcome-in-prompt"] += 1
            return
        named = [(code, name) for code in codes if (name := self._name(code))]
        if not named:
            self.dropped["outcome-without-name"] += 1
            return
        (first, display), rest = named[0], named[1:]
        listed = accepted_by_verdict(found.assessments)
        mine = next((a for a in listed if first in _codes(a)), None)
        text = " ".join(fact.text for fact in found.chart.facts)
        self.drafts.append(
            Draft(
                id=f"{_SOURCE}:{case.consultation}",
                patient=case.patient,
                source=_SOURCE,
                gold=GoldDiagnosis(system=first[0], code=first[1], display=display),
                names=tuple(dict.fromkeys((mine.name if mine else display, display))),
                words=tuple(content_words(text)),
                digests=(id_digest(_SOURCE, case.consultation), text_digest(text)),
                private=True,
                chart=found.chart,
                listed=tuple(self._listed(mine, rest, listed)),
            )
        )

    def _listed(
        self,
        mine: Assessment | None,
        others: Iterable[tuple[Code, str]],
        listed: Iterable[Assessment],
    ) -> Iterator[Candidate]:
        """What the model wrote of the truth, the other outcomes, then the rest of its list."""
        told = tuple(listed)
        if mine is not None:
            yield _candidate(mine)
        for code, name in others:
            same = next((a for a in told if code in _codes(a)), None)
            yield _candidate(same) if same else Candidate(name, Group.LIKELY)
        yield from (_candidate(a) for a in told if a is not mine)

    def _name(self, code: Code) -> str:
        concept = self.terminology.concept(code[1])
        return concept.display if concept is not None and concept.system == code[0] else ""


def _candidate(assessment: Assessment) -> Candidate:
    return Candidate(
        assessment.name,
        assessment.group,
        assessment.evidence_for,
        assessment.evidence_against,
        assessment.discriminator,
    )


def _codes(assessment: Assessment) -> set[Code]:
    return {(code.system, code.code) for code in assessment.codes}
