"""Notes on what was repaired in resources that became facts, for the consultation's record.

To look at every element costs four times what mapping does, so it is only done for a chart in which
reading already came upon something, and for no more than a sample of it. `chartside map --quality`
looks at everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from fhir_mapping.chart import QualityNote
from fhir_mapping.drafting.draft import Draft
from fhir_mapping.input.resource_index import ResourceIndex
from fhir_mapping.quality.repairs import GENDERS, repairs

__all__ = ["noticed"]

_MOST_RESOURCES = 200
_MOST_NOTES = 50
_NO_PATIENT = QualityNote(
    "Patient",
    "no-patient",
    "There is no Patient resource: age and recorded sex are not known.",
)


def noticed(
    index: ResourceIndex, patient: Mapping[str, Any], drafts: Iterable[Draft], *, odd_times: bool
) -> tuple[QualityNote, ...]:
    """At most 50 notes on the first 200 resources by reference that became facts.

    `odd_times` tells that a time had no time zone or was not written as FHIR writes it.
    """
    missing = () if patient else (_NO_PATIENT,)
    gender = patient.get("gender")
    odd = odd_times or (isinstance(gender, str) and gender not in GENDERS)
    if not odd and not any(_is_odd(ref, resource) for ref, resource in index):
        return missing
    told = {draft.ref.partition("#")[0] for draft in drafts}
    read = (resource for ref, resource in index if ref in told)
    return (*missing, *repairs([patient, *islice(read, _MOST_RESOURCES)]))[:_MOST_NOTES]


def _is_odd(ref: str, resource: Mapping[str, Any]) -> bool:
    """Whether a result's number came as text: of what senders get wrong the most frequent."""
    if not ref.startswith("Observation/"):
        return False
    quantity = resource.get("valueQuantity")
    return type(quantity) is dict and type(quantity.get("value")) is str
