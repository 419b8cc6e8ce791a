"""Checks of the discovery document, and the services that can be called by it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_hooks.conform.exchange import Exchange
from cds_hooks.conform.hooks import HOOKS, USER_TOKENS
from cds_hooks.conform.shapes import Problem, brief, is_text, null_or_empty

__all__ = [
    "DOCUMENT_CHECKS",
    "ENTRY_CHECKS",
    "Offered",
    "answer_problems",
    "document_problems",
    "entry_problems",
    "json_problems",
    "offered",
    "unless_services",
]

DOCUMENT_CHECKS = ("discovery-json", "discovery-services")
ENTRY_CHECKS = (
    "discovery-attributes",
    "discovery-types", "discovery-title", "discovery-id-segment", "discovery-distinct-ids",
    "discovery-no-null-or-empty", "prefetch-tokens", "prefetch-relative", "prefetch-subset",
)  # fmt: skip

_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%-]+")
_TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_VALUE = r"[^&=?#/{}\s]+"
_READ = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9._-]+")
_SEARCH = re.compile(rf"[A-Z][A-Za-z]+\?{_VALUE}={_VALUE}(?:&{_VALUE}={_VALUE})*")
_NAME = re.compile(r"[a-z][A-Za-z-]*(:in)?|_count|_sort|_id|_lastUpdated")
_OTHER_PREFIX = re.compile(r"(ne|sa|eb|ap)\d")


@dataclass(frozen=True, slots=True)
class Offered:
    """A service that discovery lists and that can be called."""

    id: str
    hook: str
    prefetch: Mapping[str, str]


def offered(document: Any) -> tuple[Offered, ...]:
    """The services with a usable id and a hook, each (id, hook) once."""
    listed = document.get("services") if isinstance(document, dict) else None
    found: dict[tuple[str, str], Offered] = {}
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and _is_segment(entry.get("id")) and is_text(entry.get("hook")):
            one = Offered(entry["id"], entry["hook"], _templates(entry))
            found.setdefault((one.id, one.hook), one)
    return tuple(found.values())


def _templates(entry: Mapping[str, Any]) -> dict[str, str]:
    prefetch = entry.get("prefetch")
    pairs = prefetch.items() if isinstance(prefetch, dict) else ()
    return {key: template for key, template in pairs if is_text(template)}


def answer_problems(exchange: Exchange) -> Iterator[Problem]:
    """Whether discovery answered with 200."""
    if exchange.status != 200:
        yield Problem("discovery-answers", exchange.came)


def document_problems(exchange: Exchange) -> Iterator[Problem]:
    """Whether a 200 of discovery is a JSON object with an array `services`."""
    yield from json_problems(exchange, "discovery-json")
    document = exchange.document
    if isinstance(document, dict) and unless_services(exchange):
        said = f"members: {brief(', '.join(document)) or 'none'}"
        yield Problem("discovery-services", said, "services")


def unless_services(exchange: Exchange) -> str:
    """A condition of judgements: an array `services` is there; else why nothing is judged."""
    document = exchange.document
    listed = isinstance(document, dict) and isinstance(document.get("services"), list)
    return "" if exchange.status == 200 and listed else "discovery gave no array `services`"


def entry_problems(exchange: Exchange) -> Iterator[Problem]:
    """All that is wrong with the services that are listed."""
    document = exchange.document
    for place, service in enumerate(document["services"]):
        yield from _service(service, f"services[{place}]")
    yield from _same_ids(document["services"])
    for path in null_or_empty(document):
        yield Problem("discovery-no-null-or-empty", "null or empty", path)


def json_problems(exchange: Exchange, check: str) -> Iterator[Problem]:
    """Whether an answer is a JSON object that says that it is JSON."""
    kind = exchange.header("content-type").partition(";")[0].strip().lower()
    if not isinstance(exchange.document, dict) or not (
        kind == "application/json" or kind.endswith("+json")
    ):
        yield Problem(check, exchange.came)


def _same_ids(services: list[Any]) -> Iterator[Problem]:
    ids = Counter(str(s.get("id")) for s in services if isinstance(s, dict))
    for name, count in ids.items():
        if count > 1:
            yield Problem("discovery-distinct-ids", f"{brief(name)} {count} times", "services")


def _is_segment(value: Any) -> bool:
    return isinstance(value, str) and _SEGMENT.fullmatch(value) is not None


def _service(service: Any, where: str) -> Iterator[Problem]:
    if not isinstance(service, dict):
        yield Problem("discovery-attributes", type(service).__name__, where)
        return
    for name in ("hook", "id", "description"):
        if not is_text(service.get(name)):
            yield Problem("discovery-attributes", f"{name}: {brief(service.get(name))}", where)
    if is_text(service.get("id")) and not _is_segment(service["id"]):
        yield Problem("discovery-id-segment", brief(service["id"]), f"{where}.id")
    if "title" not in service:
        yield Problem("discovery-title", "no title", where)
    for name in ("title", "usageRequirements"):
        if not isinstance(service.get(name, ""), str):
            yield Problem("discovery-types", type(service[name]).__name__, f"{where}.{name}")
    yield from _prefetch(service, f"{where}.prefetch")


def _prefetch(service: Mapping[str, Any], where: str) -> Iterator[Problem]:
    prefetch = service.get("prefetch", {})
    if not isinstance(prefetch, dict):
        if prefetch is not None:
            yield Problem("discovery-types", type(prefetch).__name__, where)
        return
    for key, template in prefetch.items():
        here = f"{where}.{key}"
        if isinstance(template, str):
            yield from _template(template, str(service.get("hook")), here)
        else:
            yield Problem("discovery-types", type(template).__name__, here)


def _template(template: str, hook: str, where: str) -> Iterator[Problem]:
    known = HOOKS.get(hook)
    for token in _TOKEN.findall(template):
        name = token.removeprefix("context.")
        is_field = token.startswith("context.") and (known is None or name in known.tokens)
        if token not in USER_TOKENS and not (is_field and "." not in name):
            yield Problem("prefetch-tokens", f"{{{{{brief(token)}}}}}", where)
    filled = _TOKEN.sub("x", template)
    if "{" in filled or "}" in filled:
        yield Problem("prefetch-tokens", "braces that are no token", where)
        return
    if template == "{{context.userId}}" or _READ.fullmatch(filled):
        return
    if not _SEARCH.fullmatch(filled):
        yield Problem("prefetch-relative", brief(template), where)
        return
    yield from _query(filled.partition("?")[2], where)


def _query(query: str, where: str) -> Iterator[Problem]:
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if not _NAME.fullmatch(name) or _OTHER_PREFIX.match(value):
            yield Problem("prefetch-subset", brief(part), where)
