"""What a client sent under its prefetch keys that the specification does not allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_hooks.console.ehr_views.findings import Finding, finding
from cds_hooks.gather.arrival import arrival

__all__ = ["prefetch_findings"]


def prefetch_findings(prefetch: Any, templates: Mapping[str, str]) -> Iterator[Finding]:
    """By key; nothing for a client that sent no prefetch at all, which it may."""
    if not isinstance(prefetch, dict):
        return
    for key, value in prefetch.items():
        where = f"prefetch.{key}"
        if key not in templates:
            yield finding("prefetch-key-unknown", where)
        yield from _value(value, templates.get(key, ""), where)
    for key in templates:
        if key not in prefetch:
            yield finding("prefetch-key-missing", f"prefetch.{key}")


def _value(value: Any, template: str, where: str) -> Iterator[Finding]:
    if value is None:
        return
    came = arrival(value)
    if not came.startswith(("resource", "operation-outcome")):
        yield finding("prefetch-not-resource", where, what=came.replace("-", " "))
        return
    if came.startswith("operation-outcome"):
        yield finding("prefetch-outcome", where)
        return
    if value.get("resourceType") == "Bundle":
        yield from _bundle(value, template, where)
    elif _type_of(template) not in ("", value["resourceType"]):
        yield finding("prefetch-other-type", where)
    elif "?" in template:
        yield finding("prefetch-not-searchset", where)
    if count := sum(1 for each in _references(value) if "://" in each):
        yield finding("absolute-reference", where, count=count)


def _type_of(template: str) -> str:
    """The type that a template asks for; "" where a token tells it (`{{context.userId}}`)."""
    kind = template.partition("?")[0].partition("/")[0]
    return "" if "{" in kind else kind


def _bundle(bundle: Mapping[str, Any], template: str, where: str) -> Iterator[Finding]:
    if bundle.get("type") != "searchset":
        yield finding("prefetch-not-searchset", f"{where}.type")
    links = [each for each in _listed(bundle, "link") if isinstance(each, dict)]
    if any(each.get("relation") == "next" for each in links):
        yield finding("prefetch-paged", f"{where}.link")
    if any("{{" in str(each.get("url")) or "%7B%7B" in str(each.get("url")) for each in links):
        yield finding("unresolved-token", f"{where}.link")
    for place, entry in enumerate(_listed(bundle, "entry")):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        here = f"{where}.entry[{place}]"
        if kind == "OperationOutcome":
            yield finding("prefetch-outcome", here)
        elif _type_of(template) not in ("", kind) and not _is_included(entry):
            yield finding("prefetch-other-type", here)


def _listed(bundle: Mapping[str, Any], name: str) -> list[Any]:
    found = bundle.get(name)
    return found if isinstance(found, list) else []


def _is_included(entry: Any) -> bool:
    search = entry.get("search") if isinstance(entry, dict) else None
    return isinstance(search, dict) and search.get("mode") in ("include", "outcome")


def _references(value: Any) -> Iterator[str]:
    """Every reference of a resource, within the depth of a request's body."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "reference" and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
