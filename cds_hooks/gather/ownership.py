"""Whose record a resource is. Pure.

A reference counts as the patient's when it says so plainly: `Patient/id`, an absolute URL on a
known host, the urn of the patient's own bundle entry, or an identifier that the patient has.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cds_hooks.gather.result import Resource

__all__ = ["Owner", "Ownership", "identifiers_of"]

_PATIENT = re.compile(
    r"(?:(?P<base>https?://[^/?#]+)/(?:[^?#]*/)?)?"
    r"Patient/(?P<id>[^/?#]+)(?:/_history/[^/?#]+)?"
)

_COMPARTMENT = re.compile(r"(?:^|/)Patient/([^/?#]+)(?:/|$)")
_PATIENT_PARAMETERS = ("patient", "subject", "patient:Patient", "subject:Patient")


class Ownership(StrEnum):
    """`OWN` is the patient's, `OTHER` somebody else's, `UNSAID` names nobody, `NOBODY` cannot."""

    OWN = "own"
    OTHER = "other"
    UNSAID = "unsaid"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class _Rules:
    default: tuple[str, ...]
    elements: Mapping[str, tuple[str, ...]]
    ownerless: frozenset[str]


@cache
def _rules() -> _Rules:
    table = tomllib.loads(files(__package__).joinpath("subjects.toml").read_text("utf-8"))
    elements = {kind: tuple(names) for kind, names in table["elements"].items()}
    return _Rules(tuple(table["default"]), elements, frozenset(table["ownerless"]["types"]))


@dataclass(frozen=True, slots=True)
class Owner:
    """The patient as references may name it.

    `hosts` are the `host[:port]` of absolute URLs that mean the same server (empty: any host);
    `identifiers` are (system, value) pairs; `urns` are fullUrls of the patient's own entry.
    """

    patient_id: str
    hosts: frozenset[str] = frozenset()
    identifiers: frozenset[tuple[str, str]] = frozenset()
    urns: frozenset[str] = frozenset()

    def judge(self, resource: Resource) -> Ownership:
        """Whose a resource is, by the element in which its type names the patient."""
        kind = resource["resourceType"]
        rules = _rules()
        if kind == "Patient":
            return Ownership.OWN if resource.get("id") == self.patient_id else Ownership.OTHER
        if kind in rules.ownerless:
            return Ownership.NOBODY
        for element in rules.elements.get(kind, rules.default):
            if element in resource:
                return self._judge_references(resource[element], resource)
        return Ownership.UNSAID

    def is_other(self, url: str) -> bool:
        """Whether a search's URL names a patient, and not this one.

        By its path (`Patient/id/...`) or its parameters `patient` and `subject`; a link that names
        nobody, as the page tokens of many servers, is not another patient's.
        """
        try:
            parts = urlsplit(url)
            query = parse_qs(parts.query)
        except ValueError:
            return False
        named = _COMPARTMENT.findall(parts.path)
        for parameter in _PATIENT_PARAMETERS:
            for value in query.get(parameter, ()):
                named += [each.rpartition("/")[2] for each in value.split(",") if each]
        return bool(named) and any(name != self.patient_id for name in named)

    def _judge_references(self, value: Any, resource: Resource) -> Ownership:
        """One reference, or a list of which the patient has to be one."""
        references = value if isinstance(value, list) else [value]
        found = {self._judge_reference(item, resource) for item in references}
        for belongs in (Ownership.OWN, Ownership.OTHER):
            if belongs in found:
                return belongs
        return Ownership.UNSAID

    def _judge_reference(self, value: Any, resource: Resource) -> Ownership:
        if not isinstance(value, dict):
            return Ownership.UNSAID
        text = value.get("reference")
        if not isinstance(text, str) or not text:
            return self._judge_identifiers(_pairs([value.get("identifier")]))
        if text.startswith("#"):
            return self._judge_identifiers(_contained_identifiers(resource, text[1:]))
        if text.startswith("urn:"):
            own = text in self.urns or text == f"urn:uuid:{self.patient_id}"
            return Ownership.OWN if own else Ownership.OTHER
        return Ownership.OWN if self._is_patient(text) else Ownership.OTHER

    def _is_patient(self, text: str) -> bool:
        match = _PATIENT.fullmatch(text)
        if match is None or match["id"] != self.patient_id:
            return False
        return match["base"] is None or not self.hosts or _host(match["base"]) in self.hosts

    def _judge_identifiers(self, found: frozenset[tuple[str, str]]) -> Ownership:
        """By identifier alone: the same one proves it, another of the same system disproves it."""
        if found & self.identifiers:
            return Ownership.OWN
        systems = {system for system, _ in self.identifiers}
        other = any(system and system in systems for system, _ in found)
        return Ownership.OTHER if other else Ownership.UNSAID


def identifiers_of(resource: Resource) -> frozenset[tuple[str, str]]:
    """The (system, value) pairs by which a Patient can be told."""
    return _pairs(resource.get("identifier"))


def _contained_identifiers(resource: Resource, local_id: str) -> frozenset[tuple[str, str]]:
    contained = resource.get("contained")
    for item in contained if isinstance(contained, list) else []:
        if isinstance(item, dict) and item.get("id") == local_id:
            return identifiers_of(item)
    return frozenset()


def _pairs(identifiers: Any) -> frozenset[tuple[str, str]]:
    items: Iterable[Any] = identifiers if isinstance(identifiers, list) else [identifiers]
    pairs = ((item.get("system"), item.get("value")) for item in items if isinstance(item, dict))
    return frozenset(
        (system, value)
        for system, value in pairs
        if isinstance(system, str) and isinstance(value, str) and system and value
    )


def _host(base: str) -> str:
    """`host[:port]` in lower case, without the port that the scheme implies."""
    scheme, _, host = base.lower().partition("://")
    return host.removesuffix({"http": ":80", "https": ":443"}.get(scheme, ""))
