"""A whole hook request without what says who it is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from cds_hooks.redaction.dates import MovedDates
from cds_hooks.redaction.identities import Ids, names_in
from cds_hooks.redaction.resources import redacted_resource, redacted_value
from cds_hooks.redaction.rules import rules
from cds_hooks.redaction.values import REMOVED, Values
from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.masking import masker

__all__ = ["Redacted", "redact"]

_INSTANCE = "00000000-0000-4000-8000-000000000000"
_SERVER = "https://fhir.example/r4"
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_TRIGGER = re.compile(r"\d{1,3}")
_DEEPEST = 100
_KEPT = (
    "prefetch keys, types and elements that came", "codes of public systems and their displays",
    "numbers and units", "time between dates",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Redacted:
    """`request` is JSON; `now` is when it seems to have been made; `removed` counts by reason."""

    request: dict[str, Any]
    now: datetime
    removed: Mapping[str, int]

    def told(self) -> dict[str, Any]:
        """What was done and by which version, to stand beside the request in a file."""
        return {
            "by": f"chartside {version('chartside')}",
            "rules": rules().version,
            "now": self.now.isoformat(),
            "removed": dict(sorted(self.removed.items())),
            "kept": list(_KEPT),
        }


def redact(
    request: Mapping[str, Any],
    *,
    now: datetime,
    is_term: Callable[[str], bool] = lambda _: False,
) -> Redacted:
    """The request without identifiers; see the package for what is kept.

    `now` is when it was made; `is_term` says whether words are a name that a terminology knows.
    Raises ValueError for a `now` without a time zone, and for more than 100 levels of nesting.
    """
    if now.tzinfo is None:
        raise ValueError("now must be timezone-aware")
    if _is_deep(request):
        raise ValueError(f"the request is nested deeper than {_DEEPEST} levels")
    mask = masker(_patient(request), RelativeTimes(now))
    made = Values(MovedDates(now), mask, names_in(request), is_term, Ids(request))
    kept = dict(_members(request, made))
    return Redacted(kept, made.dates.moved_now, dict(made.removed))


def _is_deep(document: Any) -> bool:
    """Whether it has more levels than a walk through it may take; counted level by level."""
    level = [document]
    for _ in range(_DEEPEST):
        inner = [each for part in level for each in _parts(part)]
        level = [each for each in inner if isinstance(each, dict | list)]
        if not level:
            return False
    return True


def _parts(part: Any) -> Iterable[Any]:
    return part.values() if isinstance(part, dict) else part


def _patient(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Patient in the request, for whose names to mask; of several the first."""
    return next(_patients(request), {})


def _patients(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for each in value:
            yield from _patients(each)
    elif isinstance(value, dict):
        if value.get("resourceType") == "Patient":
            yield value
        else:
            for each in value.values():
                yield from _patients(each)


def _members(request: Mapping[str, Any], made: Values) -> Iterator[tuple[str, Any]]:
    hook = request.get("hook")
    yield "hook", hook if isinstance(hook, str) and hook in rules().hooks.names else "unknown-hook"
    yield "hookInstance", _INSTANCE
    if "fhirServer" in request:
        yield "fhirServer", _SERVER
    context, prefetch = request.get("context"), request.get("prefetch")
    yield "context", dict(_context(context if isinstance(context, dict) else {}, made))
    if isinstance(prefetch, dict):
        yield (
            "prefetch",
            {
                _key(key, place, made): redacted_value(value, made)
                for place, (key, value) in enumerate(prefetch.items(), 1)
            },
        )
    if "fhirAuthorization" in request:
        made.removed["access-token"] += 1
    extension = request.get("extension")
    kept = dict(_extension(extension, made)) if isinstance(extension, dict) else {}
    if kept:
        yield "extension", kept


def _key(key: str, place: int, made: Values) -> str:
    return key if _KEY.fullmatch(key) and made.is_harmless(key) else f"key-{place}"


def _context(context: Mapping[str, Any], made: Values) -> Iterator[tuple[str, Any]]:
    for name, value in context.items():
        found = _context_value(name, value, made)
        if found is not REMOVED:
            yield name, found


def _context_value(name: str, value: Any, made: Values) -> Any:
    if name in ("patientId", "encounterId") and isinstance(value, str):
        kind = name.removesuffix("Id").capitalize()
        return made.ids.of(kind, value.removeprefix(f"{kind}/"))
    if name in ("userId", "performer") and isinstance(value, str):
        new = made.ids.reference(value)
        return made.remove("references") if new is None else new
    if name in ("selections", "dispatchedOrders") and isinstance(value, list):
        new_ones = [made.ids.reference(each) for each in value if isinstance(each, str)]
        return [each for each in new_ones if each is not None]
    if isinstance(value, dict) and "resourceType" in value and re.fullmatch("[A-Za-z]{1,40}", name):
        return redacted_resource(value, made)
    return made.remove("other-elements")


def _extension(extension: Mapping[str, Any], made: Values) -> Iterator[tuple[str, Any]]:
    for name, value in extension.items():
        if name in rules().extensions.request and _TRIGGER.fullmatch(str(value)):
            yield name, value
        else:
            made.removed["extensions"] += 1
