"""Ledger records as AI Provenance (HL7 AI Transparency on FHIR). Pure: a record in, one out.

It says of the cards of one consultation that an AI asserted what they suggest, which model with
which file, from which prompt (a keyed hash: the prompt itself stays in the sealed store), and from
which resources. A person who verified it is not named: a card is shown, not signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_hooks.compliance import fhir_codes as codes
from cds_hooks.compliance.audit_events import Site

__all__ = ["provenance"]

Fields = Mapping[str, Any]
Json = dict[str, Any]
_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def provenance(record: Fields, site: Site) -> Iterator[Json]:
    """The Provenance of what a record's cards suggest: none where no model spoke or none left."""
    if not record.get("model_id") or not record.get("cards"):
        return
    author = codes.concept(codes.coding(_PARTICIPANT, "author", "Author"))
    role = codes.concept(codes.coding(codes.AI_TYPES, "Artificial-Intelligence"))
    prompt = [_prompt(record, site)] if record.get("prompt_hmac") else []
    entities = [_entity("derivation", {"reference": "#model-card"})]
    entities += [_entity("derivation", {"reference": "#prompt"})] if prompt else []
    entities += [
        _entity("source", {"identifier": site.identifier("resource", str(each))})
        for each in record.get("resource_refs_hmac", ())
    ]
    yield {
        "resourceType": "Provenance",
        "id": str(record["event_id"]),
        "meta": {"profile": [codes.AI_PROVENANCE], "security": [codes.AIAST]},
        "contained": [_model(record, site), _model_card(site), *prompt],
        "target": [_target(card, site) for card in record["cards"]],
        "occurredDateTime": str(record["recorded"]),
        "recorded": str(record["recorded"]),
        "reason": [codes.concept(codes.AIAST)],
        "agent": [{"type": author, "role": [role], "who": {"reference": "#model"}}],
        "entity": entities,
    }


def _target(card: Fields, site: Site) -> Json:
    """A suggestion has no address of its own until an EHR takes it: it is named by its card."""
    return {
        "identifier": site.identifier("card", str(card["uuid"])),
        "display": "What the CDS Hooks card with this uuid shows and suggests",
    }


def _entity(role: str, what: Json) -> Json:
    return {"role": role, "what": what}


def _model(record: Fields, site: Site) -> Json:
    """AI-Device: the model file by its digest."""
    kind = codes.concept(codes.coding(codes.AI_TYPES, "Large-Language-Models"))
    version = [{"value": f"engine {record['engine']}"}] if record.get("engine") else []
    sha256 = str(record.get("gguf_sha256", ""))
    device: Json = {
        "resourceType": "Device",
        "id": "model",
        "meta": {"profile": [codes.AI_DEVICE]},
        "extension": [{"url": codes.AI_KIND, "valueCodeableConcept": kind}],
        "identifier": [site.identifier("model-sha256", sha256)] if sha256 else [],
        "deviceName": [{"name": str(record["model_id"]), "type": "model-name"}],
        "type": codes.concept(codes.coding(codes.AI_TYPES, "Artificial-Intelligence")),
        "version": version,
    }
    return {key: value for key, value in device.items() if value}


def _model_card(site: Site) -> Json:
    """AI-ModelCard: the basis page of this service, which quotes the model's card."""
    return {
        "resourceType": "DocumentReference",
        "id": "model-card",
        "status": "current",
        "type": codes.concept(codes.coding(codes.AI_INPUTS, "AIModelCard", "AI Model-Card")),
        "category": [{"text": "Web page"}],
        "content": [{"attachment": {"contentType": "text/html", "url": f"{site.base}/basis"}}],
    }


def _prompt(record: Fields, site: Site) -> Json:
    """AI-InputPrompt by its keyed hash, with the template that made it."""
    title = f"template {record.get('template_id', '')}, {record.get('template_sha256', '')}"
    return {
        "resourceType": "DocumentReference",
        "id": "prompt",
        "status": "current",
        "identifier": [site.identifier("prompt", str(record["prompt_hmac"]))],
        "type": codes.concept(codes.coding(codes.AI_INPUTS, "AIInputPrompt", "AI Input Prompt")),
        "content": [{"attachment": {"contentType": "text/plain", "title": title}}],
    }
