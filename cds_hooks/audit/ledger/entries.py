"""What is recorded of a consultation, of the cards made of it, and of feedback on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cds_hooks.audit.feedback import FeedbackReceipt
from cds_hooks.audit.keys import SiteKey
from cds_hooks.audit.ledger.record import Call, CardMark, CheckMark, Entry
from cds_hooks.consultation import Assessment, Consultation
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry
from fhir_mapping.chart import Chart

__all__ = ["answered", "consulted", "encounter_pseudonym", "fed_back", "user_ref"]


def consulted(
    consultation: Consultation, cards: Sequence[Card], call: Call | None, key: SiteKey
) -> Entry:
    """All that led to an answer: `hook-answered` when somebody is shown it, else `consulted`."""
    asked, model, prompt = consultation, consultation.model, consultation.prompt
    shown = call is not None or bool(cards)
    return Entry(
        **_who(call or Call(), key),
        type="hook-answered" if shown else "consulted",
        service_id=asked.service,
        consultation=asked.id,
        patient_pseudonym=asked.patient_key,
        prefetch_state={name: state.value for name, state in asked.key_states.items()},
        resource_refs_hmac=_references(asked.chart, key),
        omitted_count=len(asked.chart.omissions),
        template_id=f"{prompt.template.id}/{prompt.template.version}" if prompt else "",
        template_sha256=prompt.template.sha256 if prompt else "",
        prompt_hmac=_keyed(key, "prompt", [m.content for m in prompt.messages] if prompt else ()),
        model_id=model.name if model else "",
        gguf_sha256=model.sha256 if model else "",
        engine=model.engine if model else "",
        params={"samples": len(asked.samples), "samples_failed": asked.samples_failed},
        output_hmac=_keyed(key, "output", asked.samples),
        checks=tuple(_check(each, key) for each in asked.assessments),
        cards=_marks(cards, key),
        outcome=asked.outcome.value,
        reason_code=asked.fault,
        latency={stage: round(took) for stage, took in asked.timings_ms.items()},
        tokens=dict(asked.tokens),
        config_sha256=asked.settings_sha256,
    )


def answered(
    consultation: Consultation, cards: Sequence[Card], call: Call | None, key: SiteKey
) -> Entry:
    """Somebody was shown an answer that is on record: who, which cards, of which consultation."""
    return Entry(
        **_who(call or Call(), key),
        type="hook-answered",
        service_id=consultation.service,
        consultation=consultation.id,
        patient_pseudonym=consultation.patient_key,
        cards=_marks(cards, key),
        outcome=consultation.outcome.value,
        config_sha256=consultation.settings_sha256,
    )


def fed_back(
    service: str,
    entries: Sequence[FeedbackEntry],
    receipt: FeedbackReceipt,
    call: Call | None,
    key: SiteKey,
) -> Entry:
    """A feedback call: how many entries came, were new and were known. Cards as keyed hashes: what
    a client calls a card is its own text."""
    return Entry(
        **_who(call or Call(), key),
        type="feedback",
        service_id=service,
        details={
            "entries": len(entries),
            "recorded": receipt.recorded,
            "repeated": receipt.repeated,
            "unknown": receipt.unknown,
            "cards_hmac": [key.digest("ledger-card", each.card) for each in entries[:_MOST]],
        },
    )


def user_ref(key: SiteKey, user_id: str) -> str:
    """A user as the ledger names one."""
    return key.digest("ledger-user", user_id) if user_id else ""


def encounter_pseudonym(key: SiteKey, encounter_id: str) -> str:
    """An encounter as the ledger names one."""
    return key.digest("ledger-encounter", encounter_id) if encounter_id else ""


_MOST = 500


def _who(call: Call, key: SiteKey) -> dict[str, Any]:
    # `user_ref` is what the store made of the user's id already, where the site keeps it plain.
    return {
        "hook": call.hook,
        "hook_instance": call.hook_instance,
        "request_id": call.request_id,
        "client_iss": call.client_iss,
        "tenant": call.tenant,
        "jti": call.jti,
        "user_ref": call.user_ref or user_ref(key, call.user_id),
        "encounter_pseudonym": encounter_pseudonym(key, call.encounter_id),
    }


def _keyed(key: SiteKey, purpose: str, parts: Sequence[str]) -> str:
    return key.digest(purpose, *parts) if parts else ""


def _references(chart: Chart, key: SiteKey) -> tuple[str, ...]:
    """A keyed hash for each resource that a fact came from: access to it can be asked for."""
    sources: Iterable[str] = {source for fact in chart.facts for source in fact.sources}
    return tuple(key.digest("ledger-resource", source) for source in sorted(sources))


def _check(assessment: Assessment, key: SiteKey) -> CheckMark:
    checks: dict[str, str] = {}
    for reason in assessment.reasons:
        checks[reason.check] = reason.result
    facts = {fact for reason in assessment.reasons for fact in reason.fact_ids}
    name = key.digest("ledger-diagnosis", assessment.name)
    return CheckMark(name, assessment.verdict.value, checks, tuple(sorted(facts)))


def _marks(cards: Sequence[Card], key: SiteKey) -> tuple[CardMark, ...]:
    return tuple(
        CardMark(card.uuid, card.indicator, key.digest("card-summary", card.summary))
        for card in cards
    )
