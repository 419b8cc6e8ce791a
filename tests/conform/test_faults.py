"""Each fault of a service, switched on by itself, is found by the check that is meant for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cds_hooks.conform import Caller, Report, Sender, Target, plan, record
from cds_hooks.conform.catalogue import catalogue
from cds_hooks.trust.signing import SigningKey
from tests.conform.faulty_service import ISSUER, ORIGIN, FaultyService, running

KEY = SigningKey("ES384", "k1", ec.generate_private_key(ec.SECP384R1()))

# Fault, and the check that tells it.
FAULTS = {
    "discovery-html": "discovery-json",
    "discovery-500": "discovery-answers",
    "services-renamed": "discovery-services",
    "no-description": "discovery-attributes",
    "null-in-discovery": "discovery-no-null-or-empty",
    "id-with-slash": "discovery-id-segment",
    "token-not-offered": "prefetch-tokens",
    "absolute-prefetch": "prefetch-relative",
    "include-in-prefetch": "prefetch-subset",
    "prefetch-array": "discovery-types",
    "no-title": "discovery-title",
    "cards-missing": "call-cards",
    "text-as-card": "card-object",
    "summary-of-140": "card-summary",
    "summary-empty": "card-summary",
    "indicator-hard-stop": "card-indicator",
    "source-without-label": "card-source",
    "source-url-relative": "card-source-urls",
    "no-selection-behavior": "card-selection-behavior",
    "suggestion-without-label": "card-suggestions",
    "two-recommended": "card-recommended",
    "action-without-resource": "card-actions",
    "relative-link": "card-links",
    "app-context-on-absolute": "card-app-context",
    "reason-without-display": "card-override-reasons",
    "extension-a-text": "card-extension",
    "uuid-a-number": "card-uuid",
    "same-uuid-twice": "card-uuid",
    "null-in-card": "call-no-null-or-empty",
    "empty-links": "call-no-null-or-empty",
    "system-action-without-type": "system-actions",
    "malformed-500": "error-not-5xx",
    "missing-field-500": "error-not-5xx",
    "lenient": "malformed-shape",
    "no-prefetch-500": "prefetch-absent",
    "null-prefetch-500": "prefetch-null",
    "empty-prefetch-500": "prefetch-empty",
    "outcome-500": "prefetch-outcome",
    "extension-refused": "call-extensions",
    "slow": "call-time",
    "feedback-500": "feedback-answers",
    "preflight-wants-a-token": "cors-preflight",
    "preflight-without-authorization": "cors-preflight",
    "cors-missing": "cors-headers",
    "no-token-needed": "auth-required",
    "signature-unchecked": "auth-signature",
    "expired-accepted": "auth-expired",
    "audience-unchecked": "auth-audience",
    "issuer-unchecked": "auth-issuer",
    "none-accepted": "auth-none",
    "symmetric-accepted": "auth-symmetric",
    "replay-accepted": "auth-replay",
    "feedback-open": "auth-feedback",
}
NOTES = {
    "wrong-hook-answered": "call-wrong-hook",
    "unknown-service-answered": "call-unknown-service",
    "scalar-extension-refused": "call-scalar-extensions",
    "unknown-property-refused": "call-unknown-property",
    "unknown-key-refused": "prefetch-unknown-key",
    "odd-prefetch-500": "prefetch-wrong-kind",
    "echo": "error-echo",
    "html-in-detail": "card-detail-html",
    "unknown-card-500": "feedback-unknown-card",
    "any-origin-with-credentials": "cors-foreign-origin",
    "401-tells-why": "auth-bare",
}


@dataclass
class Lab:
    """A running test service whose fault can be changed."""

    service: FaultyService

    def checked(self, fault: str = "") -> Report:
        self.service.fault = fault
        base = self.service.base
        caller = Caller(KEY, ISSUER)
        target = Target(base, base, caller, ORIGIN, within_s=0.5 if fault == "slow" else 20)
        with Sender(base) as send:
            return record(plan(target), send, base)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    service = FaultyService(keys={"k1": KEY.private.public_key()})
    with running(service):
        yield Lab(service)


def test_nothing_is_found_in_a_conformant_service(lab: Lab) -> None:
    report = lab.checked()
    assert [(r.check.id, r.came) for r in report.results if r.status == "failed"] == []
    assert [(r.check.id, r.reason) for r in report.results if r.status == "skipped"] == []


def test_every_check_of_the_catalogue_is_made(lab: Lab) -> None:
    assert {r.check.id for r in lab.checked().results} == set(catalogue())


@pytest.mark.parametrize(("fault", "check"), FAULTS.items(), ids=FAULTS)
def test_a_fault_is_a_finding(lab: Lab, fault: str, check: str) -> None:
    [found] = [r for r in lab.checked(fault).findings if r.check.id == check]
    assert found.came
    assert found.sent


@pytest.mark.parametrize(("fault", "check"), NOTES.items(), ids=NOTES)
def test_what_only_good_practice_asks_is_a_note(lab: Lab, fault: str, check: str) -> None:
    report = lab.checked(fault)
    assert check in {r.check.id for r in report.notes}
    assert report.findings == []
