"""Which version of FHIR a chart is written in, and what that version calls its elements.

One code path reads every version: a mapper asks its `FhirDialect` for the names of an element.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_mapping.elements.json_values import object_of
from fhir_mapping.errors import MappingError
from fhir_mapping.tables import table

__all__ = ["VERSIONS", "FhirDialect", "decide", "dialect", "version_named"]

VERSIONS = ("R4", "R4B", "R5", "STU3")
"""What is understood. R4B differs from R4 in no element that is read here."""

_BY_SHAPE = ("R4", "R5", "STU3", "DSTU2")
_ENOUGH = 12
"""How many resources of one type are looked at for signs of a version."""

_JSON_TYPES = {"string": str, "object": dict, "list": list}


@dataclass(frozen=True, slots=True)
class FhirDialect:
    """The element names of one version, each with the other versions' names after its own."""

    version: str
    condition_recorded: tuple[str, ...]
    allergy_recorded: tuple[str, ...]
    medication: tuple[str, ...]
    administered: tuple[str, ...]
    procedure_time: tuple[str, ...]
    reason: tuple[str, ...]
    encounter_reason: tuple[str, ...]
    encounter_period: tuple[str, ...]
    encounter_admission: tuple[str, ...]
    immunization_time: tuple[str, ...]
    document_time: tuple[str, ...]
    report_conclusion: tuple[str, ...]


@cache
def dialect(version: str) -> FhirDialect:
    """The dialect of one of `VERSIONS`."""
    spoken = "R4" if version == "R4B" else version
    return FhirDialect(
        version,
        **{
            element: tuple(dict.fromkeys([*names[spoken], *(n for v in names.values() for n in v)]))
            for element, names in table("dialects")["elements"].items()
        },
    )


def version_named(name: str) -> str:
    """One of `VERSIONS` for a version number ("4.0.1") or a name ("R4").

    Raises MappingError for DSTU2 and for what is no version of FHIR.
    """
    wanted = name.strip().upper()
    known = next(
        (v for start, v in table("dialects")["versions"].items() if wanted.startswith(start)),
        wanted,
    )
    if known in VERSIONS:
        return known
    raise _unsupported("DSTU2" if known == "DSTU2" else "this version of FHIR")


def decide(resources: Iterable[Mapping[str, Any]], named: str | None = None) -> str:
    """The version of a chart: what its server or client says it is, else what its shape shows.

    Raises MappingError for DSTU2.
    """
    if named and named.strip():
        return version_named(named)
    votes = _votes(resources)
    version = max(_BY_SHAPE, key=lambda v: votes[v])
    if version == "DSTU2":
        raise _unsupported("DSTU2")
    return version


def _votes(resources: Iterable[Mapping[str, Any]]) -> Counter[str]:
    signs = _signs()
    seen: Counter[str] = Counter()
    votes: Counter[str] = Counter()
    for resource in resources:
        kind = resource.get("resourceType")
        if kind in signs and seen[kind] < _ENOUGH:
            seen[kind] += 1
            for sign in signs[kind]:
                if _shows(resource, sign):
                    votes.update(sign["versions"])
    return votes


@cache
def _signs() -> dict[str, list[dict[str, Any]]]:
    by_type: dict[str, list[dict[str, Any]]] = {}
    for sign in table("dialects")["signs"]:
        by_type.setdefault(sign["type"], []).append(sign)
    return by_type


def _shows(resource: Mapping[str, Any], sign: Mapping[str, Any]) -> bool:
    element = sign.get("element")
    if element is None:
        return True
    value: Any = resource
    for step in element.split("."):
        value = object_of(value).get(step)
    if value is None:
        return False
    return isinstance(value, _JSON_TYPES[sign["is"]]) if "is" in sign else True


def _unsupported(what: str) -> MappingError:
    return MappingError(
        "unsupported-fhir-version",
        f"{what} is not supported",
        where="fhirVersion",
        hint="Use an endpoint that speaks FHIR STU3, R4, R4B or R5.",
    )
