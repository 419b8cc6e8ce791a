"""What a model saw and said in one consultation, as a reviewer reads it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from cds_hooks.comparison.prompts import sections_of
from cds_hooks.consult.rule_tables import RuleTable, rule_tables, table_of
from cds_hooks.consultation import ChartFinding, CheckedConsultation, Consultation, Reason
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.replay.changes import RecordedTables

__all__ = ["FORMAT", "explanation"]

FORMAT = "chartside-explanation/1"


def explanation(
    done: Consultation, recorded: RecordedTables, feedback: Sequence[FeedbackEntry] = ()
) -> dict[str, Any]:
    """JSON values: what the answer rests on, facts with sources, prompt by section, samples, checks
    with each rule's id, version and source, what was left out and why, feedback."""
    versions = _Versions(done, recorded)
    return {
        "format": FORMAT,
        "consultation": _head(done),
        "basis": _basis(done, recorded),
        "patient": asdict(done.chart.patient),
        "facts": _facts(done),
        "prompt": _prompt(done),
        "samples": _samples(done),
        "rules": [_found(each, versions) for each in done.chart_findings],
        "contradictions": [_reason(each, versions) for each in done.contradictions],
        "medication_concerns": [_reason(each, versions) for each in done.medication_concerns],
        "diagnoses": _diagnoses(done, versions),
        "left_out": _left_out(done),
        "feedback": [asdict(each) for each in feedback],
    }


def _head(done: Consultation) -> dict[str, Any]:
    when = datetime.fromtimestamp(done.created, UTC).isoformat(timespec="seconds")
    checked = done if isinstance(done, CheckedConsultation) else None
    return {
        "id": done.id,
        "service": done.service,
        "created": when,
        "outcome": done.outcome.value,
        "fault": checked.fault if checked else "",
        "remark": checked.outcome_detail if checked else "",
        "tokens": dict(checked.tokens) if checked else {},
        "timings_ms": dict(done.timings_ms),
    }


def _basis(done: Consultation, recorded: RecordedTables) -> dict[str, Any]:
    return {
        **asdict(done.basis),
        "settings_sha256": done.settings_sha256,
        "model": asdict(done.model) if done.model else None,
        "template": asdict(done.prompt.template) if done.prompt else None,
        "terminology": dict(recorded.terminology),
        "fhir_version": done.chart.fhir_version,
    }


def _facts(done: Consultation) -> list[dict[str, Any]]:
    shown = frozenset(done.prompt.fact_ids) if done.prompt else frozenset()
    return [{**asdict(each), "shown_to_model": each.id in shown} for each in done.chart.facts]


def _prompt(done: Consultation) -> dict[str, Any] | None:
    if done.prompt is None:
        return None
    sections = sections_of(done.prompt)
    return {
        "tokens": done.prompt.tokens,
        "messages": [asdict(each) for each in done.prompt.messages],
        "sections": [{"title": name, "lines": lines} for name, lines in sections],
    }


def _samples(done: Consultation) -> list[dict[str, Any]]:
    """Raw, as they were decoded; `used` says whether one was a differential of this chart."""
    if not isinstance(done, CheckedConsultation):
        return []
    name = done.model.name if done.model else ""
    models = done.sample_models or (name,) * len(done.samples)
    used = {(each.model or name, each.sample) for each in done.differentials}
    seen: Counter[str] = Counter()
    told = []
    for text, model in zip(done.samples, models, strict=True):
        told.append({"model": model, "text": text, "used": (model, seen[model]) in used})
        seen[model] += 1
    return told


def _diagnoses(done: Consultation, versions: _Versions) -> dict[str, Any]:
    if not isinstance(done, CheckedConsultation):
        return {"listed": [], "red_flags": [], "unexplained": [], "truth_set": None}
    listed = [
        {**asdict(each), "reasons": [_reason(reason, versions) for reason in each.reasons]}
        for each in done.assessments
    ]
    return {
        "listed": listed,
        "red_flags": [_reason(each, versions) for each in done.red_flags],
        "unexplained": [_reason(each, versions) for each in done.unexplained],
        "truth_set": asdict(done.truth_set) if done.truth_set else None,
    }


def _left_out(done: Consultation) -> dict[str, Any]:
    prompt = done.prompt.omissions if done.prompt else ()
    parts = {key: state.value for key, state in done.key_states.items()}
    came = {key: asdict(each) for key, each in done.key_arrivals.items()}
    return {
        "of_chart": [asdict(each) for each in done.chart.omissions],
        "of_prompt": [asdict(each) for each in prompt],
        "parts_of_the_request": {k: {"state": v, **came.get(k, {})} for k, v in parts.items()},
    }


def _reason(reason: Reason, versions: _Versions) -> dict[str, Any]:
    return {**asdict(reason), "rule": versions.of(reason.check, reason.source)}


def _found(found: ChartFinding, versions: _Versions) -> dict[str, Any]:
    return {**asdict(found), "table": versions.of(found.rule, found.source)}


class _Versions:
    """Of which version each rule was: as the ledger tells of then, else as it is today."""

    def __init__(self, done: Consultation, recorded: RecordedTables) -> None:
        self._recorded = recorded.tables
        self._today: Mapping[str, RuleTable] = rule_tables()
        self._program = done.basis.version

    def of(self, rule: str, source: str) -> dict[str, str]:
        """Table and version; a check that no table defines is of the program's version."""
        table = table_of(rule, source)
        if not table:
            return {"table": "", "version": self._program, "as_of": "the consultation"}
        if table in self._recorded:
            version, _, digest = self._recorded[table].partition(" ")
            return {"table": table, "version": version, "sha256": digest,
                    "as_of": "the consultation"}  # fmt: skip
        now = self._today[table]
        return {"table": table, "version": now.version, "sha256": now.sha256[:16],
                "as_of": "today"}  # fmt: skip
