"""Hand-made resources, and the real FHIR server with some loaded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
import respx

from cds_hooks.gather import GatherConfig, GatherResult, gather, open_http


class Make:
    """Small FHIR resources."""

    @staticmethod
    def bundle(*resources: Any, **more: Any) -> dict[str, Any]:
        entry = [{"resource": resource} for resource in resources]
        return {"resourceType": "Bundle", "type": "searchset", "entry": entry, **more}

    @staticmethod
    def patient(name: str = "alpha") -> dict[str, Any]:
        identifier = [{"system": "urn:oid:1.2.3", "value": f"mrn-{name}"}]
        return {"resourceType": "Patient", "id": name, "identifier": identifier}

    @staticmethod
    def condition(name: str, patient: str = "alpha") -> dict[str, Any]:
        subject = {"reference": f"Patient/{patient}"}
        return {"resourceType": "Condition", "id": name, "subject": subject, "code": {"text": "x"}}

    @staticmethod
    def lab(number: int, patient: str = "alpha") -> dict[str, Any]:
        category = "http://terminology.hl7.org/CodeSystem/observation-category"
        return {
            "resourceType": "Observation",
            "id": f"{patient}-lab-{number}",
            "status": "final",
            "category": [{"coding": [{"system": category, "code": "laboratory"}]}],
            "code": {"text": "potassium"},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": f"2026-01-{number % 28 + 1:02d}T08:00:00Z",
            "valueQuantity": {"value": number, "unit": "mmol/L"},
        }

    @staticmethod
    def family(name: str, patient: str) -> dict[str, Any]:
        return {
            "resourceType": "FamilyMemberHistory",
            "id": name,
            "status": "completed",
            "patient": {"reference": f"Patient/{patient}"},
            "relationship": {"text": "father"},
        }

    @staticmethod
    def order(name: str, medication: str, patient: str = "alpha") -> dict[str, Any]:
        return {
            "resourceType": "MedicationRequest",
            "id": name,
            "status": "active",
            "intent": "order",
            "subject": {"reference": f"Patient/{patient}"},
            "medicationReference": {"reference": medication},
        }

    @staticmethod
    def page(*names: str, next_url: str | None = None, patient: str = "alpha") -> dict[str, Any]:
        """Conditions, with a link to the next page."""
        link = [{"relation": "next", "url": next_url}] if next_url is not None else []
        return Make.bundle(*(Make.condition(name, patient) for name in names), link=link)

    @staticmethod
    def outcome(severity: str) -> dict[str, Any]:
        issue = [{"severity": severity, "code": "processing"}]
        return {"resourceType": "OperationOutcome", "issue": issue}


@pytest.fixture(scope="session")
def make() -> type[Make]:
    """Makes small FHIR resources."""
    return Make


@pytest.fixture
def templates() -> dict[str, str]:
    """Prefetch templates of the forms that our services publish."""
    return {
        "patient": "Patient/{{context.patientId}}",
        "problems": "Condition?patient={{context.patientId}}",
        "labs": "Observation?patient={{context.patientId}}&category=laboratory&_count=10",
        "newest": "Observation?patient={{context.patientId}}&_sort=-date&_count=12",
        "medications": "MedicationRequest?patient={{context.patientId}}",
        "family": "FamilyMemberHistory?patient={{context.patientId}}",
    }


@pytest.fixture(scope="session")
def hospital(fhir_server: Any) -> Any:
    """The real server with three patients; `alpha` has no family history, the others do."""
    resources = [Make.patient(name) for name in ("alpha", "beta", "gamma")]
    resources += [Make.condition("alpha-1"), Make.condition("beta-1", "beta")]
    resources += [Make.lab(number) for number in range(45)] + [Make.lab(0, "beta")]
    resources += [Make.family("beta-father", "beta"), Make.family("gamma-father", "gamma")]
    resources += [Make.order("alpha-order", "Medication/heparin")]
    resources += [{"resourceType": "Medication", "id": "heparin", "code": {"text": "heparin"}}]
    fhir_server.load(Make.bundle(*resources))
    return fhir_server


@pytest.fixture
async def pool() -> AsyncIterator[httpx.AsyncClient]:
    """The connection pool that the application would share."""
    async with open_http(GatherConfig()) as client:
        yield client


FAULTY = "https://ehr.example.org/fhir"


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    """A faulty server; a request to any other address is an error of the test."""
    with respx.mock(base_url=FAULTY, assert_all_called=False) as router:
        router.get("/metadata").respond(json={"resourceType": "CapabilityStatement"})
        yield router


@pytest.fixture
def problems(pool: httpx.AsyncClient) -> Callable[..., Awaitable[GatherResult]]:
    """Gather one missing key, `problems`, from the faulty server; words change what is asked."""

    async def gather_there(
        *,
        prefetch: Any = None,
        templates: Any = None,
        fhir_server: str = FAULTY,
        access_token: str = "s3cret-t0ken",
        deadline_s: float = 10,
        **bounds: Any,
    ) -> GatherResult:
        return await gather(
            prefetch or {},
            templates or {"problems": "Condition?patient={{context.patientId}}"},
            {"patientId": "alpha"},
            fhir_server=fhir_server,
            access_token=access_token,
            pool=pool,
            config=GatherConfig(allowed_bases=(FAULTY,), **{"read_s": 5.0, **bounds}),
            deadline_s=deadline_s,
        )

    return gather_there
