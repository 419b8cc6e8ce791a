"""The model's list as a card shows it: one line a diagnosis, the best supported first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cds_hooks.cards import phrases
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.detail_blocks import escaped, joined
from cds_hooks.cards.escape import TerminologyCode
from cds_hooks.consultation import Assessment, CheckedConsultation, Evidence, Verdict
from cds_hooks.plausibility.rules.must_not_miss import must_not_miss
from fhir_mapping.chart import Chart, Fact, Flag

__all__ = [
    "ModelConsensus",
    "accepted_by_verdict",
    "code_of",
    "is_accepted",
    "list_lines",
    "model_consensus",
    "wrong_facts",
]

_LINE, _NAME, _FACT = 250, 60, 80
_NORMAL = 2
_VALUE = re.compile(r"\s+[<>]?\d|\s*[(,;:]")
_ORDER = tuple(Verdict)
_UNLINKED = ("evidence-relevant", "name-recognised")
_COUNTER = ("excluding-finding", "counter-evidence")
_REJECTED = (Verdict.CONTRADICTED, Verdict.UNRECOGNISED, Verdict.RECORDED)


@dataclass(frozen=True, slots=True)
class ModelConsensus:
    """Whether the models of a panel name the same diagnosis first: `agree`, `mixed` (some of
    them) or `disagree` (one alone); `told` is the same in words."""

    word: str
    told: str


def is_accepted(assessment: Assessment) -> bool:
    """Whether the checks leave a diagnosis on the list."""
    return assessment.verdict not in _REJECTED


def accepted_by_verdict(assessments: Iterable[Assessment]) -> tuple[Assessment, ...]:
    """The assessments left on the list: by verdict, then must-not-miss first, then as listed."""
    accepted = [a for a in assessments if is_accepted(a)]
    return tuple(sorted(accepted, key=lambda a: (_ORDER.index(a.verdict), not _serious(a))))


def model_consensus(done: CheckedConsultation) -> ModelConsensus | None:
    """Of the first diagnosis of the list; None without a panel or without such a diagnosis."""
    models = {said.model for said in done.differentials}
    first = next(iter(accepted_by_verdict(done.assessments)), None)
    if len(models) < 2 or first is None:
        return None
    count = round(first.model_share * len(models))
    word = "agree" if count == len(models) else "mixed" if count > 1 else "disagree"
    return ModelConsensus(word, texts().consensus[word].format(count=count, models=len(models)))


def list_lines(done: CheckedConsultation, seen: set[str]) -> tuple[str, ...]:
    """Markdown lines. Facts whose text is in `seen` are on the card already and not told again;
    those told here are added to it."""
    accepted = accepted_by_verdict(done.assessments)
    idle = [a for a in accepted if _is_idle(a, done.chart)]
    lines = [_line(a, done.chart, seen) for a in accepted if a not in idle]
    lines += _idle_lines(idle)
    rejected = [_named_only(a) for a in done.assessments if not is_accepted(a)]
    if rejected:
        lines.append(joined(f"{texts().blocks['named_only']}: ", rejected, _LINE))
    return tuple(lines)


def code_of(assessment: Assessment) -> str:
    """ "N17.9", or another system's code behind the system's name; "" without any."""
    codes = sorted(assessment.codes, key=lambda code: code.system != phrases.ICD_10_CM)
    if not codes:
        return ""
    if codes[0].system == phrases.ICD_10_CM:
        return TerminologyCode(codes[0].code)
    return f"{texts().systems.get(codes[0].system, '')} {codes[0].code}".strip()


def wrong_facts(assessment: Assessment) -> set[str]:
    """The facts of which a claim was checked and is not so."""
    claim = texts().checks.claim
    failed = (r for r in assessment.reasons if r.check == claim and r.result == "fail")
    return {fact_id for reason in failed for fact_id in reason.fact_ids}


def _line(assessment: Assessment, chart: Chart, seen: set[str]) -> str:
    words = texts().blocks
    why = _why_uncertain(assessment)
    lead = f"{_name(assessment)}: {assessment.verdict.value}{f' ({why})' if why else ''}"
    # Beside "uncertain" it would draw the eye to what nothing in the chart speaks for.
    if _serious(assessment) and assessment.verdict in (Verdict.SUPPORTED, Verdict.PLAUSIBLE):
        lead += f", {words['must_not_miss']}"
    parts = []
    if not _is_unlinked(assessment) and (fact := _strongest(assessment, chart, seen)):
        parts.append(f"{words['for']}: {_told(fact, seen)}")
    if fact := _against(assessment, chart):
        parts.append(f"{words['against']}: {_told(fact, seen)}")
    return joined(f"{lead}. " if parts else lead, parts, _LINE, ". ")


def _idle_lines(assessments: Sequence[Assessment]) -> list[str]:
    """Uncertain entries for which nothing is known to speak, those of one reason in one line."""
    by_reason: dict[str, list[str]] = {}
    for each in assessments:
        by_reason.setdefault(_why_uncertain(each), []).append(_name(each))
    lead = Verdict.UNCERTAIN.value.capitalize()
    return [joined(f"{lead}, {why}: ", names, _LINE) for why, names in by_reason.items()]


def _is_idle(assessment: Assessment, chart: Chart) -> bool:
    """Whether an entry has nothing to show but why it is uncertain."""
    if not _why_uncertain(assessment) or _against(assessment, chart):
        return False
    return _is_unlinked(assessment) or _strongest(assessment, chart, set()) is None


def _why_uncertain(assessment: Assessment) -> str:
    """The first reason of `data/texts.toml` that an uncertain entry has."""
    if assessment.verdict is not Verdict.UNCERTAIN:
        return ""
    has = {f"{reason.check} {reason.result}" for reason in assessment.reasons}
    return next((words for check, words in texts().uncertain.items() if check in has), "")


def _is_unlinked(assessment: Assessment) -> bool:
    """Whether no cited fact is known to bear on it: beside it one would look like evidence."""
    doubted = any(r.check in _UNLINKED and r.result != "pass" for r in assessment.reasons)
    return doubted and assessment.verdict is Verdict.UNCERTAIN and not _known_to_bear(assessment)


def _against(assessment: Assessment, chart: Chart) -> Fact | None:
    """The newest fact that the model cites against it, else one that a rule does."""
    if fact := _newest(assessment.evidence_against, chart):
        return fact
    failed = (r for r in assessment.reasons if r.check in _COUNTER and r.result == "fail")
    found = (chart.fact(fact_id) for reason in failed for fact_id in reason.fact_ids)
    return next((fact for fact in found if fact), None)


def _name(assessment: Assessment) -> str:
    code = code_of(assessment)
    name = f"**{escaped(phrases.name(assessment.name), _NAME)}**"
    return f"{name} ({escaped(code, _NAME)})" if code else name


def _named_only(assessment: Assessment) -> str:
    return f"{escaped(phrases.name(assessment.name), _NAME)} ({assessment.verdict.value})"


def _serious(assessment: Assessment) -> bool:
    return must_not_miss(assessment.codes) is not None


def _told(fact: Fact, seen: set[str]) -> str:
    if _is_told(fact, seen):
        return escaped(texts().blocks["above"].format(name=_named(fact)), _FACT)
    seen.add(fact.text)
    return escaped(phrases.short_phrase(fact), _FACT)


def _is_told(fact: Fact, seen: set[str]) -> bool:
    return fact.text in seen


def _named(fact: Fact) -> str:
    """A fact without its value: "Potassium" of "Potassium 6.4 mmol/L"; words as they are."""
    text = phrases.short_text(fact)
    return text if fact.value is None and fact.flag is None else _VALUE.split(text, maxsplit=1)[0]


def _strongest(assessment: Assessment, chart: Chart, seen: set[str]) -> Fact | None:
    """A fact that is as claimed: known to bear on it, then an abnormal one that the card does not
    tell yet, then the most critical and the newest."""
    wrong, known = wrong_facts(assessment), _known_to_bear(assessment)
    cited = (chart.fact(e.fact_id) for e in assessment.evidence_for)
    facts = [fact for fact in cited if fact and fact.id not in wrong]

    def key(fact: Fact) -> tuple[object, ...]:
        rank = _rank(fact.flag)
        return (fact.id not in known, rank == _NORMAL, _is_told(fact, seen), rank, _age(fact))

    return min(facts, key=key, default=None)


def _newest(cited: Iterable[Evidence], chart: Chart) -> Fact | None:
    facts = [f for e in cited if (f := chart.fact(e.fact_id))]
    return min(facts, key=_age, default=None)


def _known_to_bear(assessment: Assessment) -> set[str]:
    passed = (r for r in assessment.reasons if "relevan" in r.check and r.result == "pass")
    return {fact_id for reason in passed for fact_id in reason.fact_ids}


def _rank(flag: Flag | None) -> int:
    if flag is None or not flag.is_abnormal:
        return _NORMAL
    return 0 if flag.is_critical else 1


def _age(fact: Fact) -> float:
    return float("inf") if fact.days_ago is None else abs(fact.days_ago)
