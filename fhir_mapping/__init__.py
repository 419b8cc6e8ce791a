"""FHIR of any version -> a `Chart` of numbered facts. Pure: no network, no clock, no settings."""

from fhir_mapping.chart import (
    Certainty,
    Chart,
    Code,
    Experiencer,
    Fact,
    Flag,
    Kind,
    Omission,
    PatientFacts,
    Polarity,
    QualityNote,
    Range,
)
from fhir_mapping.errors import MappingError, UnitsUnavailable
from fhir_mapping.mapping import map_chart
from fhir_mapping.priority import must_keep, priority
from fhir_mapping.units.known_conversions import check_units
from fhir_mapping.warming import warm

__all__ = [
    "Certainty",
    "Chart",
    "Code",
    "Experiencer",
    "Fact",
    "Flag",
    "Kind",
    "MappingError",
    "Omission",
    "PatientFacts",
    "Polarity",
    "QualityNote",
    "Range",
    "UnitsUnavailable",
    "check_units",
    "map_chart",
    "must_keep",
    "priority",
    "warm",
]
