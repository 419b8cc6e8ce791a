"""From a hook call to the patient's resources: prefetch states and the FHIR client."""

from cds_hooks.gather.fhir_client import open_http
from cds_hooks.gather.fhir_settings import GatherConfig
from cds_hooks.gather.fhir_version import VersionCache
from cds_hooks.gather.gather import gather
from cds_hooks.gather.result import GatherNote, GatherResult, NoteCode, PatientUnavailable

__all__ = [
    "GatherConfig",
    "GatherNote",
    "GatherResult",
    "NoteCode",
    "PatientUnavailable",
    "VersionCache",
    "gather",
    "open_http",
]
