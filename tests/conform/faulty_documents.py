"""A discovery document and a card that are right, and each fault that they can have."""

from __future__ import annotations

import copy
from typing import Any

DISCOVERY = {
    "services": [
        {
            "hook": "patient-view",
            "id": "greeter",
            "title": "Greeter",
            "description": "Says what it found.",
            "prefetch": {
                "patient": "Patient/{{context.patientId}}",
                "conditions": "Condition?patient={{context.patientId}}&category=problem-list-item",
            },
        }
    ]
}
CARD = {
    "uuid": "11111111-1111-4111-8111-111111111111",
    "summary": "A summary",
    "indicator": "info",
    "detail": "Some **markdown** with `<code>` in it.",
    "source": {"label": "Test", "url": "https://example.org"},
    "suggestions": [
        {
            "label": "Do it",
            "uuid": "s-1",
            "isRecommended": True,
            "actions": [
                {
                    "type": "create",
                    "description": "Order",
                    "resource": {"resourceType": "ServiceRequest", "status": "draft"},
                }
            ],
        },
        {"label": "Do that", "uuid": "s-2"},
    ],
    "selectionBehavior": "at-most-one",
    "links": [{"label": "More", "url": "https://example.org/more", "type": "absolute"}],
    "overrideReasons": [{"code": "no", "system": "https://example.org/reasons", "display": "No"}],
}


def discovery_of(fault: str) -> Any:
    """The discovery document, with a fault if it has that name."""
    document: dict[str, Any] = copy.deepcopy(DISCOVERY)
    service = document["services"][0]
    match fault:
        case "services-renamed":
            return {"service": document["services"]}
        case "no-description":
            del service["description"]
        case "null-in-discovery":
            service["usageRequirements"] = None
        case "no-title":
            del service["title"]
        case "id-with-slash":
            document["services"].append({**service, "id": "a/b"})
        case "token-not-offered":
            service["prefetch"]["orders"] = "Task?patient={{context.draftOrders.Task.id}}"
        case "absolute-prefetch":
            service["prefetch"]["patient"] = (
                "https://fhir.example.org/Patient/{{context.patientId}}"
            )
        case "include-in-prefetch":
            service["prefetch"]["conditions"] += "&_include=Condition:encounter"
        case "prefetch-array":
            service["prefetch"] = ["patient"]
    return document


def response_of(fault: str) -> Any:
    """The response to a hook, with a fault if it has that name."""
    card: dict[str, Any] = copy.deepcopy(CARD)
    document: dict[str, Any] = {"cards": [card]}
    _break_card(fault, card)
    match fault:
        case "cards-missing":
            return {"result": [card]}
        case "same-uuid-twice":
            document["cards"].append(dict(card))
        case "system-action-without-type":
            document["systemActions"] = [{"resource": {"resourceType": "Task"}}]
        case "text-as-card":
            document["cards"].append("a card")
    return document


def _break_card(fault: str, card: dict[str, Any]) -> None:
    changes: dict[str, dict[str, Any]] = {
        "summary-of-140": {"summary": "x" * 140},
        "summary-empty": {"summary": ""},
        "indicator-hard-stop": {"indicator": "hard-stop"},
        "source-without-label": {"source": {"url": "https://example.org"}},
        "source-url-relative": {"source": {"label": "Test", "url": "/about"}},
        "no-selection-behavior": {"selectionBehavior": "one"},
        "relative-link": {"links": [{"label": "More", "url": "/more", "type": "absolute"}]},
        "app-context-on-absolute": {"links": [{**CARD["links"][0], "appContext": "{}"}]},  # type: ignore[index,dict-item]
        "reason-without-display": {"overrideReasons": [{"code": "no", "system": "https://e.org"}]},
        "null-in-card": {"detail": None},
        "empty-links": {"links": []},
        "html-in-detail": {"detail": "<img src=https://example.org/x.png>"},
        "extension-a-text": {"extension": "5"},
        "uuid-a-number": {"uuid": 7},
    }
    card.update(changes.get(fault, {}))
    suggestion = card["suggestions"][0]
    if fault == "action-without-resource":
        del suggestion["actions"][0]["resource"]
    elif fault == "suggestion-without-label":
        del suggestion["label"]
    elif fault == "two-recommended":
        card["suggestions"][1]["isRecommended"] = True
