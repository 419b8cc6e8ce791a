"""Whether a fact of a chart bears on a diagnosis: what is known to speak for it, or against it."""

from cds_hooks.plausibility.relevance.bearing import Bearing, Link, bearing
from cds_hooks.plausibility.relevance.no_evidence import no_evidence
from cds_hooks.plausibility.relevance.source import RelevanceError
from cds_hooks.plausibility.relevance.systems import system_title, systems_of
from cds_hooks.plausibility.relevance.table import Disease, Sign, Strength, diseases

__all__ = [
    "Bearing",
    "Disease",
    "Link",
    "RelevanceError",
    "Sign",
    "Strength",
    "bearing",
    "diseases",
    "no_evidence",
    "system_title",
    "systems_of",
]
