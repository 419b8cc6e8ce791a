"""Probes of the states in which prefetched data arrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cds_hooks.conform.calls import path_of, response_judgements
from cds_hooks.conform.discovery import Offered
from cds_hooks.conform.exchange import Exchange
from cds_hooks.conform.probe import Judgement, Plan, Probe, Skip, Target
from cds_hooks.conform.shapes import Problem

__all__ = ["PREFETCH_CHECKS", "TOLERANCE_CHECKS", "prefetch_states"]

PREFETCH_CHECKS = (
    "prefetch-absent", "prefetch-null", "prefetch-empty", "prefetch-outcome",
    "prefetch-wrong-kind",
)  # fmt: skip

TOLERANCE_CHECKS = (
    "call-extensions",
    "call-scalar-extensions",
    "call-unknown-property",
    "prefetch-unknown-key",
)

_OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception", "diagnostics": "no access"}],
}


def prefetch_states(target: Target, service: Offered, body: Mapping[str, Any]) -> Plan:
    """Each state that a key may be in, besides the one where all is there."""
    prefetch: Mapping[str, Any] = body["prefetch"]
    if not prefetch:
        yield Skip(service.id, PREFETCH_CHECKS, "the service publishes no prefetch templates")
    else:
        absent = {name: value for name, value in body.items() if name != "prefetch"}
        yield _state(target, service, "prefetch-absent", "no prefetch, no FHIR server", absent)
        for check, about, changed in _changed(prefetch):
            yield _state(target, service, check, about, {**body, "prefetch": changed})
    yield from _tolerated(target, service, body)


def _changed(prefetch: Mapping[str, Any]) -> Iterable[tuple[str, str, dict[str, Any]]]:
    """The patient stays: without it there is nobody to speak of."""
    others = {key for key, value in prefetch.items() if not _is_patient(value)}
    nulls = dict.fromkeys(others)
    yield "prefetch-null", "null for every key but the patient's", {**prefetch, **nulls}
    empty = {key: _emptied(prefetch[key]) for key in others}
    yield "prefetch-empty", "empty searchsets", {**prefetch, **empty}
    for key in sorted(others)[:1] or list(prefetch)[:1]:
        yield "prefetch-outcome", "an OperationOutcome", {**prefetch, key: _OUTCOME}
        yield "prefetch-wrong-kind", "a text as a resource", {**prefetch, key: "123"}


def _tolerated(target: Target, service: Offered, body: Mapping[str, Any]) -> Plan:
    """What clients send on top."""
    prefetch = {**body["prefetch"], "conform-own-key": {"resourceType": "Basic", "id": "b"}}
    more: tuple[tuple[str, dict[str, Any]], ...] = (
        ("an extension", {"extension": {"com.example.conform": {"note": "a test"}}}),
        # Epic sends texts and numbers as extensions.
        ("an extension that is a text", {"extension": {"com.example.conform": "5"}}),
        ("a property that is not known", {"conformUnknown": {"a": 1}}),
        ("a prefetch key that was not asked for", {"prefetch": prefetch}),
    )
    for check, (about, changes) in zip(TOLERANCE_CHECKS, more, strict=True):
        yield _state(target, service, check, about, {**body, **changes}, taken=(200,))


def _state(
    target: Target,
    service: Offered,
    check: str,
    about: str,
    body: Mapping[str, Any],
    *,
    taken: tuple[int, ...] = (200, 412),
) -> Probe:
    any_refusal = check == "prefetch-wrong-kind"

    def judge(exchange: Exchange) -> Iterable[Problem]:
        refusal = any_refusal and 400 <= exchange.status < 500
        if exchange.status not in taken and not refusal:
            yield Problem(check, exchange.came, about)

    call = target.post(path_of(service), about, body)
    return Probe(service.id, call, (Judgement((check,), judge), *response_judgements()))


def _is_patient(value: Any) -> bool:
    resources = [value, *(e.get("resource") for e in value.get("entry", []))] if value else []
    return any(isinstance(r, dict) and r.get("resourceType") == "Patient" for r in resources)


def _emptied(value: Any) -> Any:
    """A search that found nothing; a read stays as it is."""
    if isinstance(value, dict) and value.get("resourceType") == "Bundle":
        return {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": []}
    return value
