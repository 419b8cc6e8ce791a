"""The codes and addresses that exported FHIR resources are made of, each with who defined it.

FHIR R4 AuditEvent and Provenance with HL7's terminology; IHE ITI Basic Audit Log Patterns (BALP)
1.1.x; HL7 AI Transparency on FHIR 1.0.0-ballot, whose addresses may still change.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ABSENT",
    "AIAST",
    "AI_DEVICE",
    "AI_INPUTS",
    "AI_KIND",
    "AI_PROVENANCE",
    "AI_TYPES",
    "APPLICATION_ACTIVITY",
    "AUDIT_LOG_USED",
    "BALP",
    "DESTINATION",
    "DISCLOSE",
    "DOMAIN_RESOURCE",
    "EMERGENCY_STARTED",
    "EMERGENCY_STOPPED",
    "HEALTHCARE_PROVIDER",
    "IMPORT",
    "LOGIN",
    "LOGOUT",
    "PATIENT_RECORD",
    "PATIENT_ROLE",
    "PERSON",
    "RECIPIENT",
    "REPORT",
    "REQUEST_ID",
    "REST",
    "SECURITY_ALERT",
    "SERVER_SOURCE",
    "SOURCE",
    "SYSTEM_OBJECT",
    "USER_AUTHENTICATION",
    "coding",
    "concept",
]

_TERMS = "http://terminology.hl7.org/CodeSystem"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit"
_AI = "http://hl7.org/fhir/uv/aitransparency"


def coding(system: str, code: str, display: str = "") -> dict[str, str]:
    """A Coding; `display` is left out when empty."""
    found = {"system": system, "code": code}
    return found | ({"display": display} if display else {})


def concept(of: dict[str, str]) -> dict[str, Any]:
    """A CodeableConcept with one coding."""
    return {"coding": [of]}


# AuditEvent.type
IMPORT = coding(_DICOM, "110107", "Import")
SECURITY_ALERT = coding(_DICOM, "110113", "Security Alert")
PATIENT_RECORD = coding(_DICOM, "110110", "Patient Record")
APPLICATION_ACTIVITY = coding(_DICOM, "110100", "Application Activity")
AUDIT_LOG_USED = coding(_DICOM, "110101", "Audit Log Used")
USER_AUTHENTICATION = coding(_DICOM, "110114", "User Authentication")
REST = coding(f"{_TERMS}/audit-event-type", "rest", "Restful Operation")
# AuditEvent.subtype
DISCLOSE = coding(f"{_TERMS}/iso-21089-lifecycle", "disclose", "Disclose Record Lifecycle Event")
LOGIN = coding(_DICOM, "110122", "Login")
LOGOUT = coding(_DICOM, "110123", "Logout")
EMERGENCY_STARTED = coding(_DICOM, "110127", "Emergency Override Started")
EMERGENCY_STOPPED = coding(_DICOM, "110138", "Emergency Override Stopped")
# AuditEvent.agent.type
SOURCE = concept(coding(_DICOM, "110153", "Source Role ID"))
DESTINATION = concept(coding(_DICOM, "110152", "Destination Role ID"))
RECIPIENT = concept(coding(f"{_TERMS}/v3-ParticipationType", "IRCP", "information recipient"))
HEALTHCARE_PROVIDER = concept(coding(f"{_TERMS}/v3-RoleClass", "PROV", "healthcare provider"))
# AuditEvent.source.type
SERVER_SOURCE = coding(f"{_TERMS}/security-source-type", "4", "Application Server")
# AuditEvent.entity
PERSON = coding(f"{_TERMS}/audit-entity-type", "1", "Person")
SYSTEM_OBJECT = coding(f"{_TERMS}/audit-entity-type", "2", "System Object")
PATIENT_ROLE = coding(f"{_TERMS}/object-role", "1", "Patient")
REPORT = coding(f"{_TERMS}/object-role", "3", "Report")
DOMAIN_RESOURCE = coding(f"{_TERMS}/object-role", "4", "Domain Resource")
_BALP_ENTITIES = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
REQUEST_ID = coding(_BALP_ENTITIES, "XrequestId", "X-Request-Id")
# Why an element that a profile asks for is not there.
ABSENT = {
    "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
    "valueCode": "unknown",
}
# AI Transparency
AIAST = coding(f"{_TERMS}/v3-ObservationValue", "AIAST", "Artificial Intelligence asserted")
AI_PROVENANCE = f"{_AI}/StructureDefinition/AI-Provenance"
AI_DEVICE = f"{_AI}/StructureDefinition/AI-Device"
AI_KIND = f"{_AI}/StructureDefinition/aitransparency.AIKind"
AI_TYPES = f"{_AI}/CodeSystem/AIdeviceTypeCS"
AI_INPUTS = f"{_AI}/CodeSystem/AIinputsCS"
