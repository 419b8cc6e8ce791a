"""FHIR resources and their elements: only what is read, each value judged by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_hooks.redaction.rules import is_public, kind_of, read_elements, rules
from cds_hooks.redaction.values import PLACEHOLDER, REMOVED, Values
from fhir_mapping.elements.coding_marks import is_read

__all__ = ["redacted_resource", "redacted_value"]

_OUTCOME = ("severity", "code", "details")
_QUANTITY = ("value", "unit", "low", "high", "numerator")


def redacted_value(value: Any, made: Values) -> Any:
    """A value of prefetch: a resource, null, or whatever else a client sent."""
    if value is None:
        return None
    if isinstance(value, dict):
        return redacted_resource(value, made) if "resourceType" in value else {}
    made.removed["other-elements"] += 1
    return [] if isinstance(value, list) else PLACEHOLDER


def redacted_resource(
    resource: Mapping[str, Any], made: Values, inside: str = ""
) -> dict[str, Any]:
    """A resource of the same type with a new id; `inside` is "Contained" within another."""
    said = resource.get("resourceType")
    kind = said if isinstance(said, str) and said in rules().types.names else "Basic"
    kept: dict[str, Any] = {"resourceType": kind}
    if isinstance(resource.get("id"), str):
        kept["id"] = made.ids.of(inside or kind, resource["id"])
        made.removed["ids-replaced"] += 1
    if kind == "Bundle":
        return kept | _bundle(resource, made)
    if kind == "OperationOutcome":
        return kept | _outcome(resource, made)
    wanted = read_elements(kind)
    for name, value in resource.items():
        if name in ("resourceType", "id"):
            continue
        if name not in wanted:
            made.removed[_why(name)] += 1
        elif (found := _element(name, value, made)) is not REMOVED:
            kept[name] = found
    return kept


def _why(name: str) -> str:
    """Under which reason an element is counted that is not read."""
    reasons = {"text": "narrative", "identifier": "identifiers", "name": "names",
               "telecom": "telecom", "address": "addresses", "contact": "names",
               "photo": "attachments", "extension": "extensions"}  # fmt: skip
    return reasons.get(name, "other-elements")


def _bundle(bundle: Mapping[str, Any], made: Values) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name in ("type", "total"):
        if (found := made.primitive(name, bundle.get(name))) not in (None, REMOVED):
            kept[name] = found
    links = bundle.get("link")
    listed = links if isinstance(links, list) else ()
    if any(isinstance(each, dict) and each.get("relation") == "next" for each in listed):
        # That there is a next page matters; its address does not.
        kept["link"] = [{"relation": "next", "url": "https://fhir.example/next"}]
    entries = bundle.get("entry")
    if isinstance(entries, list):
        kept["entry"] = [_entry(each, made) for each in entries if isinstance(each, dict)]
    return kept


def _entry(entry: Mapping[str, Any], made: Values) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    url, search = entry.get("fullUrl"), entry.get("search")
    if isinstance(url, str) and url.startswith("urn:"):
        kept["fullUrl"] = made.ids.urn(url)
    if isinstance(entry.get("resource"), dict):
        kept["resource"] = redacted_resource(entry["resource"], made)
    if isinstance(search, dict) and search.get("mode") in ("match", "include", "outcome"):
        kept["search"] = {"mode": search["mode"]}
    return kept


def _outcome(outcome: Mapping[str, Any], made: Values) -> dict[str, Any]:
    issues = outcome.get("issue")
    return {
        "issue": [
            {name: found for name in _OUTCOME if name in each
             and (found := _element("code" if name == "details" else name, each[name], made))
             is not REMOVED}
            for each in (issues if isinstance(issues, list) else ()) if isinstance(each, dict)
        ]
    }  # fmt: skip


def _element(name: str, value: Any, made: Values) -> Any:
    """What is kept of an element, or REMOVED."""
    if name == "modifierExtension":
        # That there is one keeps a resource from being read; what it says is not known here.
        return [{"url": "urn:redacted:modifier"} for _ in value] if isinstance(value, list) else []
    if isinstance(value, list):
        found = [
            made_of for each in value if (made_of := _element(name, each, made)) is not REMOVED
        ]
        return found or REMOVED
    if not isinstance(value, dict):
        return made.primitive(name, value)
    if name == "contained" or "resourceType" in value:
        return redacted_resource(value, made, "Contained")
    if kind_of(name, "dict") is None:
        return made.remove("other-elements")
    return _complex(name, value, made)


def _complex(name: str, value: Mapping[str, Any], made: Values) -> Any:
    if _is_coding(name, value):
        return _with_extensions(made.coding(dict(value)), value, made) or REMOVED
    kept: dict[str, Any] = {}
    for inner, held in value.items():
        found = _inner(name, inner, held, value, made)
        if found is not REMOVED:
            kept[inner] = found
    if kept.get("text") == PLACEHOLDER and _has_display(kept):
        del kept["text"]
    return made.quantity(name, _with_extensions(kept, value, made)) or REMOVED


def _inner(name: str, inner: str, held: Any, around: Mapping[str, Any], made: Values) -> Any:
    if inner == "reference" and isinstance(held, str):
        new = made.ids.reference(held)
        return made.remove("references") if new is None else new
    if inner == "system" and isinstance(held, str):
        return held if is_public(held) else made.remove("local-codes")
    if inner == "code" and isinstance(held, str) and any(each in around for each in _QUANTITY):
        return made.primitive("unit", held)
    if inner == "display" and not name.startswith("medication"):
        return made.remove("names")
    if inner in ("extension", "id"):
        return REMOVED
    return _element(inner, held, made)


def _is_coding(name: str, value: Mapping[str, Any]) -> bool:
    if name in ("coding", "class", "tag", "security") or name.endswith("Coding"):
        return True
    return "code" in value and "system" in value and not any(each in value for each in _QUANTITY)


def _with_extensions(
    kept: dict[str, Any], value: Mapping[str, Any], made: Values
) -> dict[str, Any]:
    """With those extensions of codings that are read."""
    listed = value.get("extension")
    found = [
        new
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and _is_known(each.get("url"))
        and (new := made.extension(each)) is not None
    ]  # fmt: skip
    return {**kept, "extension": found} if found and kept else kept


def _is_known(url: Any) -> bool:
    return isinstance(url, str) and is_read(url)


def _has_display(concept: Mapping[str, Any]) -> bool:
    codings = concept.get("coding")
    return any("display" in each for each in codings) if isinstance(codings, list) else False
