"""Whether a fact of a chart bears on a diagnosis: what is known to speak for it, or against it."""

from cds_hooks.plausibility.relevance.defining_results import DefinitionMet
from cds_hooks.plausibility.relevance.evidence_links import EvidenceLinks, SignLink, link_evidence
from cds_hooks.plausibility.relevance.evidence_relevance import EvidenceRelevant
from cds_hooks.plausibility.relevance.organ_systems import system_title, systems_of
from cds_hooks.plausibility.relevance.sign_table import DiseaseSigns, Sign
from cds_hooks.plausibility.relevance.strength import Strength
from cds_hooks.plausibility.relevance.table_files import RelevanceError
from cds_hooks.plausibility.relevance.table_loading import load_tables

__all__ = [
    "EvidenceLinks",
    "DefinitionMet",
    "DiseaseSigns",
    "EvidenceRelevant",
    "SignLink",
    "RelevanceError",
    "Sign",
    "Strength",
    "link_evidence",
    "load_tables",
    "system_title",
    "systems_of",
]
