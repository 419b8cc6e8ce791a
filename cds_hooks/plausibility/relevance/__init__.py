"""Whether a fact of a chart bears on a diagnosis: what is known to speak for it, or against it."""

from cds_hooks.plausibility.relevance.check import EvidenceRelevant
from cds_hooks.plausibility.relevance.definition import DefinitionMet
from cds_hooks.plausibility.relevance.links import Bearing, Link, bearing
from cds_hooks.plausibility.relevance.loading import load_tables
from cds_hooks.plausibility.relevance.source import RelevanceError
from cds_hooks.plausibility.relevance.strength import Strength
from cds_hooks.plausibility.relevance.systems import system_title, systems_of
from cds_hooks.plausibility.relevance.table import Disease, Sign

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
