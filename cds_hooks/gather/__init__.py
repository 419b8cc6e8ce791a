"""From a hook call to the patient's resources: prefetch states and the FHIR client."""

from cds_hooks.gather.client import open_http
from cds_hooks.gather.config import GatherConfig
from cds_hooks.gather.gather import gather
from cds_hooks.gather.result import Gathered, Note, NoteCode, PatientUnavailable
from cds_hooks.gather.version import VersionCache

__all__ = [
    "GatherConfig",
    "Gathered",
    "Note",
    "NoteCode",
    "PatientUnavailable",
    "VersionCache",
    "gather",
    "open_http",
]
