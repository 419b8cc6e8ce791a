"""A consultation as the templates show it: every string still raw, escaped when it is rendered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cds_hooks.cards import phrases
from cds_hooks.cards.annotations import agreement_of, facts_of, notes_of, probability_of, says
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.differential_list import code_of, is_accepted, wrong_facts
from cds_hooks.consultation import (
    Assessment,
    CheckedConsultation,
    Consultation,
    KeyState,
    Outcome,
    Reason,
    Verdict,
)
from cds_hooks.plausibility.rules.must_not_miss import must_not_miss
from fhir_mapping.chart import Chart

__all__ = [
    "BasisView",
    "ConflictView",
    "DiagnosisView",
    "FindingView",
    "GroupView",
    "basis_of",
    "conflicts_of",
    "findings_of",
    "groups_of",
]

_DIGEST = 12
"""Characters of a SHA-256 that a card shows: enough to compare, short enough to read."""


@dataclass(frozen=True, slots=True)
class DiagnosisView:
    """One assessed diagnosis with everything that is known of it.

    `agreement` is "in 2 of 3 answers", empty when there was one answer, `probability` the
    verifier's ("34 %"), empty where it has none. `flags` are failed checks,
    `notes` what the rules know besides. Of a rejected one neither notes nor discriminator are
    shown: its flags say why.
    """

    name: str
    code: str
    verdict: str = ""
    agreement: str = ""
    probability: str = ""
    evidence_for: tuple[str, ...] = ()
    evidence_against: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    discriminator: str = ""


@dataclass(frozen=True, slots=True)
class GroupView:
    title: str
    diagnoses: tuple[DiagnosisView, ...]


@dataclass(frozen=True, slots=True)
class CountedOmission:
    count: int
    words: str


@dataclass(frozen=True, slots=True)
class MissingKeys:
    """The prefetch keys that are in one state, in a reader's words."""

    words: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BasisView:
    """What a reader needs to judge a card independently; `seconds` is "" when not known.

    `shown` facts went to the model; `read` are the chart's, where it was not `asked`."""

    asked: bool
    read: int
    shown: int
    left_out: tuple[CountedOmission, ...]
    missing: tuple[MissingKeys, ...]
    quality: int
    model: str
    model_digest: str
    template: str
    template_digest: str
    answers: int
    unusable: int
    seconds: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class ConflictView:
    """What a rule says of entries of the chart, its source, and the entries."""

    text: str
    source: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding of the rules with all that a card leaves out."""

    name: str
    seriousness: str
    told: tuple[str, ...]
    facts: tuple[str, ...]
    score: str
    missing: tuple[str, ...]
    own: str
    source: str


def groups_of(
    consultation: CheckedConsultation, discriminates: Callable[[str], bool] | None = None
) -> tuple[GroupView, ...]:
    """All that the model named: what must not be missed by a published list, the others that the
    checks accept, then those on the problem list already, and those that the checks reject.

    A discriminator is shown when `discriminates` knows a test or finding in it.
    """
    titles = texts().groups
    grouped: dict[str, list[DiagnosisView]] = {title: [] for title in titles}
    for assessment in consultation.assessments:
        view = _diagnosis(assessment, consultation, discriminates)
        grouped[_group(assessment)].append(view)
    return tuple(GroupView(titles[key], tuple(grouped[key])) for key in titles if grouped[key])


def _group(assessment: Assessment) -> str:
    if assessment.verdict is Verdict.RECORDED:
        return "recorded"
    if not is_accepted(assessment):
        return "rejected"
    return "other" if must_not_miss(assessment.codes) is None else "must-not-miss"


def _diagnosis(
    assessment: Assessment,
    consultation: CheckedConsultation,
    discriminates: Callable[[str], bool] | None,
) -> DiagnosisView:
    chart, rejected = consultation.chart, not is_accepted(assessment)
    told = phrases.discriminator(assessment.discriminator)
    exists = bool(told) and discriminates is not None and discriminates(told)
    return DiagnosisView(
        name=phrases.name(assessment.name),
        code=code_of(assessment),
        verdict=assessment.verdict.value,
        agreement=agreement_of(assessment, consultation.differentials),
        probability=probability_of(assessment),
        evidence_for=phrases.evidence(assessment.evidence_for, chart, wrong_facts(assessment)),
        evidence_against=phrases.evidence(assessment.evidence_against, chart),
        flags=_flags(assessment.reasons, chart),
        notes=() if rejected else notes_of(assessment, chart),
        discriminator=told if exists and not rejected else "",
    )


def _flags(reasons: Sequence[Reason], chart: Chart) -> tuple[str, ...]:
    """What failed, with the entries it looked at; those of checks of evidence are cited."""
    told = texts().checks.told
    failed = (r for r in reasons if r.result == "fail" and r.check not in told)
    return tuple(dict.fromkeys(_flag(reason, chart) for reason in failed))


def _flag(reason: Reason, chart: Chart) -> str:
    facts = () if reason.check.startswith("evidence-") else facts_of(reason, chart)
    told = f"{says(reason)}: {'; '.join(facts)}" if facts else says(reason)
    return f"{told} (rule: {phrases.remark(reason.source)})" if reason.source else told


_NOT_ASKED = frozenset({Outcome.ENGINE_UNAVAILABLE, Outcome.OVERLOADED, Outcome.PROMPT_TOO_LONG})


def basis_of(consultation: Consultation) -> BasisView:
    """What the answer rests on: what was shown, what was missing, which model, how long."""
    prompt, model, chart = consultation.prompt, consultation.model, consultation.chart
    checked = consultation if isinstance(consultation, CheckedConsultation) else None
    # A stage's own parts ("model.decode") are within the stage.
    took = sum(ms for stage, ms in consultation.timings_ms.items() if "." not in stage) / 1000
    return BasisView(
        asked=consultation.outcome not in _NOT_ASKED,
        read=len(chart.facts),
        shown=len(prompt.fact_ids) if prompt else 0,
        left_out=_left_out(consultation),
        missing=_missing(consultation),
        quality=len(chart.quality),
        model=model.name if model else "",
        model_digest=model.sha256[:_DIGEST] if model else "",
        template=f"{prompt.template.id} {prompt.template.version}" if prompt else "",
        template_digest=prompt.template.sha256[:_DIGEST] if prompt else "",
        answers=len(checked.differentials) if checked else 0,
        unusable=checked.samples_failed if checked else 0,
        seconds=f"{took:.1f}" if took >= 0.05 else "",
        remark=phrases.remark(checked.outcome_detail) if checked and not checked.fault else "",
    )


def _left_out(consultation: Consultation) -> tuple[CountedOmission, ...]:
    omissions = [*(consultation.prompt.omissions if consultation.prompt else ())]
    omissions += consultation.chart.omissions
    words = texts().omissions
    counted = Counter(words.get(o.reason, f"as {o.reason.replace('-', ' ')}") for o in omissions)
    return tuple(CountedOmission(number, reason) for reason, number in counted.most_common())


def _missing(consultation: Consultation) -> tuple[MissingKeys, ...]:
    names = texts().keys
    found = []
    for state in (KeyState.UNAVAILABLE, KeyState.PARTIAL, KeyState.EMPTY):
        keys = [key for key, value in consultation.key_states.items() if value is state]
        if keys:
            shown = tuple(names.get(key) or phrases.remark(key) for key in keys)
            found.append(MissingKeys(texts().states[state], shown))
    return tuple(found)


def conflicts_of(reasons: Sequence[Reason], chart: Chart) -> tuple[ConflictView, ...]:
    """Chart entries that contradict each other, each with the entries themselves."""
    return tuple(
        ConflictView(
            (said := says(reason))[:1].upper() + said[1:],
            phrases.remark(reason.source),
            facts_of(reason, chart),
        )
        for reason in reasons
    )


def findings_of(done: Consultation) -> tuple[FindingView, ...]:
    """What rules found in the chart, with every fact, score, source, and what is our own."""
    return tuple(
        FindingView(
            name=phrases.name(finding.diagnosis),
            seriousness=texts().seriousness[finding.seriousness],
            told=tuple(phrases.remark(each) for each in finding.told),
            facts=tuple(
                phrases.fact_phrase(fact)
                for fact_id in finding.fact_ids
                if (fact := done.chart.fact(fact_id))
            ),
            score=phrases.remark(finding.score),
            missing=tuple(phrases.remark(each) for each in finding.missing),
            own=phrases.remark(finding.own),
            source=phrases.remark(finding.source),
        )
        for finding in done.chart_findings
    )
