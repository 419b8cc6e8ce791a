"""Looking names of diagnoses up in ICD-10-CM, MeSH and disease ontologies, and compiling these."""

from cds_hooks.plausibility.terminology.lookup import Terminology
from cds_hooks.plausibility.terminology.resolution import Concept, MatchStatus, Resolution
from cds_hooks.plausibility.terminology.term_store import TerminologyError

__all__ = ["Concept", "Resolution", "MatchStatus", "Terminology", "TerminologyError"]
