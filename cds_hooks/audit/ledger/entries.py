"""Ledger entries: of a consultation, cards shown later, feedback, and deletion by retention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.feedback import FeedbackReceipt
from cds_hooks.audit.ledger.record import AssessmentRecord, CardRecord, Entry
from cds_hooks.audit.retention import DeletedRecords
from cds_hooks.consultation import (
    Access,
    Assessment,
    CheckedConsultation,
    Consultation,
    RecordedCall,
    is_plain_organization,
)
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry
from fhir_mapping.chart import Chart

__all__ = [
    "answer_entry",
    "consultation_entry",
    "deletion_entry",
    "encounter_pseudonym",
    "feedback_entry",
    "not_answered_entry",
    "user_ref",
]

_MAX_CARDS = 500


def consultation_entry(
    consultation: Consultation, cards: Sequence[Card], call: RecordedCall | None, key: SiteKey
) -> Entry:
    """All that led to an answer; `hook-answered` when somebody is shown it, else `consulted`.

    Of a silent consultation both have types of their own, and what was found is in the encrypted
    payload alone: no verdict of it stands in the ledger, which more people read than the trial.
    """
    model, prompt = consultation.model, consultation.prompt
    is_shown = call is not None or bool(cards)
    return Entry(
        **_caller_fields(call or RecordedCall(), key),
        type=_type(consultation, "hook-answered" if is_shown else "consulted"),
        service_id=consultation.service,
        consultation=consultation.id,
        patient_pseudonym=consultation.patient_key,
        prefetch_state={name: state.value for name, state in consultation.key_states.items()},
        resource_refs_hmac=_references(consultation.chart, key),
        omitted_count=len(consultation.chart.omissions),
        template_id=f"{prompt.template.id}/{prompt.template.version}" if prompt else "",
        template_sha256=prompt.template.sha256 if prompt else "",
        prompt_hmac=_digest(key, "prompt", [m.content for m in prompt.messages] if prompt else ()),
        model_id=model.name if model else "",
        gguf_sha256=model.sha256 if model else "",
        engine=model.engine if model else "",
        **_answer_fields(consultation, key),
        cards=_cards(cards, key),
        outcome=consultation.outcome.value,
        latency={stage: round(took) for stage, took in consultation.timings_ms.items()},
        config_sha256=consultation.settings_sha256,
    )


def _answer_fields(consultation: Consultation, key: SiteKey) -> dict[str, Any]:
    """What the model wrote and what was checked of it, where it answered or failed."""
    if not isinstance(consultation, CheckedConsultation):
        return {"params": {"samples": 0, "samples_failed": 0}}
    return {
        "params": {
            "samples": len(consultation.samples),
            "samples_failed": consultation.samples_failed,
        },
        "output_hmac": _digest(key, "output", consultation.samples),
        "checks": ()
        if consultation.silent
        else tuple(_assessment(each, key) for each in consultation.assessments),
        "reason_code": consultation.fault,
        "tokens": dict(consultation.tokens),
    }


def _type(consultation: Consultation, type_: str) -> str:
    """`silent-hook-answered` for `hook-answered` of a trial's: who reads `hook-answered` records
    for what clinicians were shown does not come by it."""
    return f"silent-{type_}" if consultation.silent else type_


def answer_entry(
    consultation: Consultation, cards: Sequence[Card], call: RecordedCall | None, key: SiteKey
) -> Entry:
    """Who was shown which cards of a recorded consultation."""
    return Entry(
        **_caller_fields(call or RecordedCall(), key),
        type=_type(consultation, "hook-answered"),
        service_id=consultation.service,
        consultation=consultation.id,
        patient_pseudonym=consultation.patient_key,
        cards=_cards(cards, key),
        outcome=consultation.outcome.value,
        config_sha256=consultation.settings_sha256,
    )


def feedback_entry(
    service: str,
    entries: Sequence[FeedbackEntry],
    receipt: FeedbackReceipt,
    call: RecordedCall | None,
    key: SiteKey,
) -> Entry:
    """A feedback call: how many entries came, and how many were new or known.

    Cards are keyed hashes: a client may call a card by any text.
    """
    return Entry(
        **_caller_fields(call or RecordedCall(), key),
        type="feedback",
        service_id=service,
        details={
            "entries": len(entries),
            "recorded": receipt.recorded,
            "repeated": receipt.repeated,
            "unknown": receipt.unknown,
            "cards_hmac": [key.digest("ledger-card", each.card) for each in entries[:_MAX_CARDS]],
        },
    )


def not_answered_entry(service: str, event: str, call: RecordedCall | None, key: SiteKey) -> Entry:
    """A hook of a service that is switched off; `event` is the id of the record of the switch."""
    return Entry(
        **_caller_fields(call or RecordedCall(), key),
        type="hook-not-answered",
        service_id=service,
        reason_code="service-switched-off",
        details={"switch": event},
    )


def deletion_entry(deleted: DeletedRecords) -> Entry:
    """What retention deleted: counts, and a digest over the ids."""
    details = {
        "records": deleted.count,
        "consultations": len(deleted.consultations),
        "cards": deleted.cards,
        "feedback": len(deleted.feedback),
        "ids": deleted.digest,
        "reason": "retention",
    }
    return Entry(type="records-dropped", details=details)


def user_ref(key: SiteKey, user_id: str) -> str:
    """The pseudonym of a user in the ledger; empty for an empty id."""
    return key.digest("ledger-user", user_id) if user_id else ""


def encounter_pseudonym(key: SiteKey, encounter_id: str) -> str:
    """The pseudonym of an encounter in the ledger; empty for an empty id."""
    return key.digest("ledger-encounter", encounter_id) if encounter_id else ""


def _caller_fields(call: RecordedCall, key: SiteKey) -> dict[str, Any]:
    # `user_ref` is set already where the site records users in clear.
    return {
        "hook": call.hook,
        "hook_instance": call.hook_instance,
        "request_id": call.request_id,
        "client_iss": call.client_iss,
        "tenant": call.tenant,
        "jti": call.jti,
        **_access_fields(call.access, key),
        "user_ref": call.user_ref or user_ref(key, call.user_id),
        "encounter_pseudonym": encounter_pseudonym(key, call.encounter_id),
    }


def _access_fields(access: Access, key: SiteKey) -> dict[str, Any]:
    """An organization's id in clear where it cannot name a person: an OID or an address of none."""
    found: dict[str, Any] = {"purposes_of_use": access.purposes}
    if access.organization:
        found["organization_from"] = access.organization_from
        if is_plain_organization(access.organization):
            found["organization"] = access.organization
        else:
            found["organization_hmac"] = key.digest("ledger-organization", access.organization)
    return found


def _digest(key: SiteKey, purpose: str, parts: Sequence[str]) -> str:
    return key.digest(purpose, *parts) if parts else ""


def _references(chart: Chart, key: SiteKey) -> tuple[str, ...]:
    """A keyed hash for each resource that a fact came from, so that access to it can be queried."""
    sources: Iterable[str] = {source for fact in chart.facts for source in fact.sources}
    return tuple(key.digest("ledger-resource", source) for source in sorted(sources))


def _assessment(assessment: Assessment, key: SiteKey) -> AssessmentRecord:
    checks: dict[str, str] = {}
    for reason in assessment.reasons:
        checks[reason.check] = reason.result
    facts = {fact for reason in assessment.reasons for fact in reason.fact_ids}
    name = key.digest("ledger-diagnosis", assessment.name)
    return AssessmentRecord(name, assessment.verdict.value, checks, tuple(sorted(facts)))


def _cards(cards: Sequence[Card], key: SiteKey) -> tuple[CardRecord, ...]:
    return tuple(
        CardRecord(card.uuid, card.indicator, key.digest("card-summary", card.summary))
        for card in cards
    )
