"""A request of each hook of the hook library, one that nobody has defined, and cards of every
shape that CDS Hooks 2.0 lets a service answer with."""

from __future__ import annotations

from typing import Any

__all__ = ["cards", "requests"]

Document = dict[str, Any]

_WHO = {"userId": "Practitioner/dr-1", "patientId": "hook-patient"}
_ORDER = {
    "resourceType": "ServiceRequest", "id": "order-1", "status": "draft", "intent": "order",
    "subject": {"reference": "Patient/hook-patient"}, "code": {"text": "Chest X-ray"},
}  # fmt: skip
_DRAFTS = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": _ORDER}]}
_APPOINTMENT = {"resourceType": "Appointment", "id": "appointment-1", "status": "proposed",
                "participant": [{"actor": {"reference": "Patient/hook-patient"},
                                 "status": "accepted"}]}  # fmt: skip
_CONTEXTS: dict[str, Document] = {
    "appointment-book": _WHO | {"appointments": {
        "resourceType": "Bundle", "type": "collection", "entry": [{"resource": _APPOINTMENT}]}},
    "encounter-discharge": _WHO | {"encounterId": "stay-7"},
    "encounter-start": _WHO | {"encounterId": "stay-7"},
    "invented-structure": _WHO | {"list": [{"id": "1", "nested": ["one", "two"]}],
                                  "mixed": [{"id": "4"}, {"other": {"value": "5"}}, 6]},
    "order-dispatch": {"patientId": "hook-patient", "performer": "Practitioner/dr-2",
                       "order": "ServiceRequest/order-1"},
    "order-select": _WHO | {"selections": ["ServiceRequest/order-1"], "draftOrders": _DRAFTS},
    "order-sign": _WHO | {"draftOrders": _DRAFTS},
}  # fmt: skip
_SOURCE = {"label": "Sample source", "url": "https://source.example/", "topic": {
    "system": "https://source.example/topics", "code": "sample", "display": "Sample"}}  # fmt: skip


def requests() -> dict[str, Document]:
    """File name -> request; the token and its lifetime are the same in all."""
    return {
        f"{hook.replace('-', '_')}_hook_request.json": {
            "hook": hook, "hookInstance": "4b8f4d2e-5d05-4a1c-9f0e-2f4a4a7f2c11",
            "fhirServer": "https://ehr.example/r4",
            "fhirAuthorization": {
                "access_token": "SAMPLE_TOKEN", "token_type": "Bearer", "expires_in": 300,
                "scope": "patient/*.read", "subject": "cds-sample"},
            "context": context,
        }
        for hook, context in _CONTEXTS.items()
    }  # fmt: skip


def cards() -> list[Document]:
    """Seven cards: words, links, an app to launch, reasons to override, three of suggestions."""
    create = {"type": "create", "description": "Order it", "resource": _ORDER}
    update = {"type": "update", "description": "Change it", "resource": _ORDER}
    delete = {"type": "delete", "description": "Drop it", "resourceId": "ServiceRequest/order-1"}
    link = {"label": "A page", "url": "https://source.example/page", "type": "absolute"}
    app = {"label": "An app", "url": "https://app.example/launch", "type": "smart",
           "appContext": '{"id":"1"}'}  # fmt: skip
    reason = {"code": "not-now", "system": "https://source.example/reasons", "display": "Not now"}
    return [
        _card("Plain words", detail="One *paragraph* of Markdown."),
        _card("A link", indicator="warning", links=[link]),
        _card("An app", links=[app, link]),
        _card("Reasons to override", indicator="critical", overrideReasons=[reason]),
        *(
            _card(f"Suggestion to {action['type']}", selectionBehavior="any",
                  suggestions=[{"label": "Do it", "isRecommended": True, "actions": [action]}])
            for action in (create, update, delete)
        ),
    ]  # fmt: skip


def _card(summary: str, *, indicator: str = "info", **more: Any) -> Document:
    uuid = f"card-{summary.lower().replace(' ', '-')}"
    return {"uuid": uuid, "summary": summary, "indicator": indicator, "source": _SOURCE, **more}
