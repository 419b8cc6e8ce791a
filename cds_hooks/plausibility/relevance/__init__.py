"""Whether a fact of a chart bears on a diagnosis: what is known to speak for it, or against it."""

from cds_hooks.plausibility.relevance.defining_results import DefinitionMet
from cds_hooks.plausibility.relevance.evidence_links import Bearing, Link, bearing
from cds_hooks.plausibility.relevance.evidence_relevance import EvidenceRelevant
from cds_hooks.plausibility.relevance.organ_systems import system_title, systems_of
from cds_hooks.plausibility.relevance.sign_table import Disease, Sign
from cds_hooks.plausibility.relevance.strength import Strength
from cds_hooks.plausibility.relevance.table_files import RelevanceError
from cds_hooks.plausibility.relevance.table_loading import load_tables

__all__ = [
    "Bearing",
    "DefinitionMet",
    "Disease",
    "EvidenceRelevant",
    "Link",
    "RelevanceError",
    "Sign",
    "Strength",
    "bearing",
    "load_tables",
    "system_title",
    "systems_of",
]
