"""The resources of one chart by reference: each once, in an order of its own.

Two entries with one type and id are one resource (the newest counts). A resource without an id is
known by its type and its place among its like ("Observation/?1"), the same in whatever order the
entries came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import orjson

from fhir_mapping.chart import Omission
from fhir_mapping.elements.json_values import object_of, objects, string
from fhir_mapping.input.bundle_entries import DEEPEST, deleted_reference, open_bundle

__all__ = ["ResourceIndex"]

Resource = Mapping[str, Any]


class ResourceIndex:
    """All resources handed in: iterate over (reference, resource), or resolve a reference."""

    def __init__(self, resources: Iterable[object]) -> None:
        self.omissions: list[Omission] = []
        self._by_reference: dict[str, Resource] = {}
        self._by_id: dict[str, str] = {}
        self._nameless: dict[str, list[Resource]] = {}
        for resource in resources:
            self._take(resource, 0)
        self._name_the_nameless()
        self._by_reference = dict(sorted(self._by_reference.items()))

    def __iter__(self) -> Iterator[tuple[str, Resource]]:
        return iter(self._by_reference.items())

    def __len__(self) -> int:
        return len(self._by_reference)

    def resources(self) -> Iterable[Resource]:
        """Every resource, in the order of the references."""
        return self._by_reference.values()

    def reference_of(self, reference: object) -> str | None:
        """The "Type/id" under which a Reference's target is known here, or None.

        Understands relative, absolute, versioned and `urn:uuid:` references.
        """
        literal = reference.get("reference") if isinstance(reference, dict) else reference
        if not isinstance(literal, str) or not literal:
            return None
        if literal in self._by_reference:
            return literal
        if literal.startswith("urn:"):
            return self._by_id.get(literal.rpartition(":")[2])
        parts = literal.split("/_history/", 1)[0].rstrip("/").rsplit("/", 2)
        known = "/".join(parts[-2:])
        return known if known in self._by_reference else None

    def resolve(self, reference: object, container: Resource | None = None) -> Resource | None:
        """The resource a Reference means, among these or contained in `container`, or None."""
        literal = reference.get("reference") if isinstance(reference, dict) else reference
        if isinstance(literal, str) and literal.startswith("#") and container is not None:
            wanted = literal[1:]
            held = (r for r in objects(container.get("contained")) if r.get("id") == wanted)
            inner = next(held, None)
            return None if inner is not None and inner.get("modifierExtension") else inner
        known = self.reference_of(literal)
        found = None if known is None else self._by_reference[known]
        if found is not None and found.get("modifierExtension") and not _is_person(found):
            return None  # what it means may be the opposite
        return found

    @cached_property
    def has_members(self) -> bool:
        """Whether any Observation has another one as a member or as its source."""
        return bool(self._holders)

    def holders_of(self, reference: str) -> tuple[str, ...]:
        """The Observations that have this one as a member (`hasMember`) or were its source
        (`derivedFrom`), by reference."""
        return tuple(self._holders.get(reference, ()))

    @cached_property
    def _holders(self) -> dict[str, list[str]]:
        holders: dict[str, list[str]] = {}
        for ref, resource in self:
            if "hasMember" in resource:
                for member in objects(resource["hasMember"]):
                    if known := self.reference_of(member):
                        holders.setdefault(known, []).append(ref)
            if "derivedFrom" in resource:
                for source in objects(resource["derivedFrom"]):
                    known = self.reference_of(source)
                    if known and known.startswith("Observation/"):
                        holders.setdefault(ref, []).append(known)
            if "related" in resource:
                for known in self._related_members(resource):
                    holders.setdefault(known, []).append(ref)
        return holders

    def _related_members(self, resource: Resource) -> Iterator[str]:
        """The members of a panel as STU3 names them."""
        for link in objects(resource["related"]):
            known = self.reference_of(link.get("target"))
            if known and link.get("type") == "has-member":
                yield known

    def groups_of(self, reference: str) -> tuple[str, ...]:
        """The panels that have this Observation as a member, and the reports of it."""
        return (*self.holders_of(reference), *self._reports.get(reference, ()))

    @cached_property
    def _reports(self) -> dict[str, list[str]]:
        reports: dict[str, list[str]] = {}
        for ref, resource in self:
            if "result" in resource and resource.get("resourceType") == "DiagnosticReport":
                for result in objects(resource["result"]):
                    if known := self.reference_of(result):
                        reports.setdefault(known, []).append(ref)
        return reports

    def _take(self, resource: object, depth: int) -> None:
        if type(resource) is not dict and not isinstance(resource, Mapping):
            self._leave("(entry)", "not-a-resource", "An entry is not a JSON object.")
            return
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or not kind.strip():
            self._leave("(entry)", "not-a-resource", "An entry has no resourceType.")
        elif kind == "Bundle" and depth <= DEEPEST:
            self._open(resource, depth)
        else:
            self._keep(kind.strip(), resource)

    def _open(self, bundle: Resource, depth: int) -> None:
        gone = deleted_reference(bundle)
        if gone:
            self._leave(gone, "deleted", "The sender deleted this resource.")
            return
        for resource in open_bundle(bundle, depth):
            self._take(resource, depth + 1)

    def _keep(self, kind: str, resource: Resource) -> None:
        identity = resource.get("id")
        if type(identity) is int:
            identity = str(identity)
        identity = identity.strip() if isinstance(identity, str) else ""
        if not identity:
            self._nameless.setdefault(kind, []).append(resource)
            return
        reference = f"{kind}/{identity}"
        known = self._by_reference.get(reference)
        if known is not None:
            resource = self._newest(reference, known, resource)
        self._by_reference[reference] = resource
        self._by_id[identity] = reference

    def _newest(self, reference: str, one: Resource, other: Resource) -> Resource:
        if _same(one, other):
            return one
        self._leave(reference, "older-version", "Another version of this resource is used.")
        return max(one, other, key=_age)

    def _name_the_nameless(self) -> None:
        for kind, resources in self._nameless.items():
            for n, resource in enumerate(sorted(resources, key=_canonical), 1):
                self._by_reference[f"{kind}/?{n}"] = resource

    def _leave(self, what: str, reason: str, detail: str) -> None:
        self.omissions.append(Omission(what, reason, detail))


def _is_person(resource: Resource) -> bool:
    return resource.get("resourceType") == "Patient"


def _same(one: Resource, other: Resource) -> bool:
    try:
        return one == other
    except RecursionError:  # how deep Python compares differs from version to version
        return _flat(one) == _flat(other)


def _age(resource: Resource) -> tuple[str, int, bytes]:
    meta = object_of(resource.get("meta"))
    version = string(meta.get("versionId"))
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
    return string(meta.get("lastUpdated")), number, _canonical(resource)


def _canonical(resource: Resource) -> bytes:
    try:
        return orjson.dumps(
            resource,
            option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY,
        )
    except (TypeError, RecursionError):  # nested too deep, or no JSON
        return _flat(resource)


def _flat(resource: Resource) -> bytes:
    """Every leaf with its place, without recursion: equal for equal resources."""
    found: list[str] = []
    waiting: list[tuple[str, Any]] = [("", resource)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(f"{place}.{key}", inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{place}[{n}]", inner) for n, inner in enumerate(value)]
        else:
            found.append(f"{place}={value!r}")
    return "\n".join(sorted(found)).encode(errors="replace")
