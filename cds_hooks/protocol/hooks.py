"""The hooks we answer, as the CDS Hooks library defines them.

Source: CDS Hooks library, patient-view 1.0, encounter-start 1.0, appointment-book 1.0 and
problem-list-item-create 0.1.0 (https://cds-hooks.hl7.org).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "APPOINTMENT_BOOK",
    "ENCOUNTER_START",
    "PATIENT_VIEW",
    "PROBLEM_LIST_ITEM_CREATE",
    "USER_TOKENS",
    "Hook",
]

USER_TOKENS = frozenset(
    {"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"}
)
"""The prefetch tokens besides context fields (specification, Prefetch tokens)."""


@dataclass(frozen=True, slots=True)
class Hook:
    """`required` context fields, and those usable as prefetch `tokens` (without `context.`)."""

    name: str
    version: str
    required: frozenset[str]
    tokens: frozenset[str]


PATIENT_VIEW = Hook(
    name="patient-view",
    version="1.0",
    required=frozenset({"userId", "patientId"}),
    tokens=frozenset({"userId", "patientId", "encounterId"}),
)

ENCOUNTER_START = Hook(
    name="encounter-start",
    version="1.0",
    required=frozenset({"userId", "patientId", "encounterId"}),
    tokens=frozenset({"userId", "patientId", "encounterId"}),
)

APPOINTMENT_BOOK = Hook(
    name="appointment-book",
    version="1.0",
    # `appointments` too is required by the library, and not asked for here: nothing of it is used.
    required=frozenset({"userId", "patientId"}),
    tokens=frozenset({"userId", "patientId", "encounterId"}),
)

PROBLEM_LIST_ITEM_CREATE = Hook(
    name="problem-list-item-create",
    version="0.1.0",
    # `conditions` too is required by the library. It is read leniently where it is used: without a
    # condition that can be read there is nothing to check, which is an answer and not an error.
    required=frozenset({"userId", "patientId"}),
    tokens=frozenset({"userId", "patientId", "encounterId"}),
)
