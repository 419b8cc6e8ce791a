"""A Bundle opened: its resources, each under an id that no other resource has.

Three things only a bundle knows: the address of each entry (`fullUrl`), which names resources that
have no id of their own and tells two servers' resources of one id apart; which entries were
deleted (`request.method`); and, in a history, which version is the newest.
Source: https://hl7.org/fhir/R4/bundle.html, sections "Resource URL & Uniqueness rules",
"Resolving references in Bundles" and "history".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from fhir_mapping.elements.json_values import object_of, objects, string

__all__ = ["DEEPEST", "deleted_reference", "open_bundle"]

Entry = dict[str, Any]

DEEPEST = 5
"""Bundles within bundles that are opened."""


def open_bundle(bundle: Mapping[str, Any], depth: int = 0) -> Iterator[Any]:
    """The resources of a bundle and of the bundles in it, in their order.

    What the sender deleted comes last, each deletion as a history Bundle of that entry alone; its
    earlier versions do not come. Entries without a resource are passed over. The bundle stays as it
    was: a resource that gets an id or another reference is a copy.
    """
    entries, deleted = _without_deleted([dict(e) for e in objects(bundle.get("entry"))])
    if bundle.get("type") == "history":
        _number_versions(entries)
    _Addresses(entries).apply()
    for entry in entries:
        resource = entry.get("resource")
        if isinstance(resource, dict) and _is_bundle(resource) and depth < DEEPEST:
            yield from open_bundle(resource, depth + 1)
        elif "resource" in entry:
            yield resource
    for entry in deleted:
        yield {"resourceType": "Bundle", "type": "history", "entry": [entry]}


def deleted_reference(bundle: Mapping[str, Any]) -> str:
    """The "Type/id" that a Bundle of one deletion is about, or ''."""
    entries = objects(bundle.get("entry"))
    alone = len(entries) == 1 and _is_deletion(entries[0])
    return _target(entries[0]) if alone else ""


def _is_bundle(resource: object) -> bool:
    return isinstance(resource, dict) and resource.get("resourceType") == "Bundle"


def _is_deletion(entry: Entry) -> bool:
    method = string(object_of(entry.get("request")).get("method")).upper()
    return method == "DELETE" and not isinstance(entry.get("resource"), dict)


def _target(entry: Entry) -> str:
    """What an entry is about, as "Type/id" without version, or ''."""
    resource = object_of(entry.get("resource"))
    kind, identity = string(resource.get("resourceType")), string(resource.get("id"))
    if kind and identity:
        return f"{kind}/{identity}"
    url = string(object_of(entry.get("request")).get("url")) or string(entry.get("fullUrl"))
    parts = url.split("/_history/")[0].rstrip("/").rsplit("/", 2)
    return "/".join(parts[-2:]) if len(parts) > 1 else ""


def _when(entry: Entry) -> datetime | None:
    """When the server says that this version came to be."""
    meta = object_of(object_of(entry.get("resource")).get("meta"))
    response = object_of(entry.get("response"))
    for sent in (response.get("lastModified"), meta.get("lastUpdated")):
        try:
            moment = datetime.fromisoformat(string(sent))
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _version(entry: Entry) -> int | None:
    """The number of this version: of its meta, its ETag, or its address."""
    meta = object_of(object_of(entry.get("resource")).get("meta"))
    etag = string(object_of(entry.get("response")).get("etag"))
    url = string(object_of(entry.get("request")).get("url"))
    address = url.partition("/_history/")[2]
    for sent in (string(meta.get("versionId")), etag.removeprefix("W/").strip('"'), address):
        if sent.isdecimal():
            return int(sent)
    return None


def _is_newer(entry: Entry, other: Entry) -> bool:
    """Whether the first is the later version, by time, else by number; else it is not known."""
    one, two = _when(entry), _when(other)
    if one is not None and two is not None and one != two:
        return one > two
    first, second = _version(entry), _version(other)
    return first is not None and second is not None and first > second


def _without_deleted(entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The entries that are still there, and of the deleted ones the deletion.

    Newest is what says so; where nothing says when, what comes first, as in a history.
    """
    if not any("request" in entry and _is_deletion(entry) for entry in entries):
        return entries, []
    newest: dict[str, Entry] = {}
    for entry in entries:
        target = _target(entry)
        if target not in newest or _is_newer(entry, newest[target]):
            newest[target] = entry
    gone = {target for target, entry in newest.items() if target and _is_deletion(entry)}
    kept = [e for e in entries if not _is_deletion(e) and _target(e) not in gone]
    return kept, [newest[target] for target in sorted(gone)]


def _number_versions(entries: list[Entry]) -> None:
    """Give the versions of a history that do not say their order the order of their entries."""
    for n, entry in enumerate(entries):
        resource = entry.get("resource")
        if not isinstance(resource, dict):
            continue
        meta = object_of(resource.get("meta"))
        if not meta.get("lastUpdated") and not meta.get("versionId"):
            entry["resource"] = {**resource, "meta": {**meta, "versionId": str(len(entries) - n)}}


class _Addresses:
    """The entries' addresses and what they mean for ids and references."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: list[tuple[str, Entry]] = []
        self._renamed: dict[tuple[str, str], str] = {}
        self._bases: dict[str, str] = {}
        for entry in entries:
            resource, url = entry.get("resource"), entry.get("fullUrl")
            if not isinstance(resource, dict) or _is_bundle(resource):
                continue
            if type(url) is str and url.startswith("urn:uuid:") and url[9:] == resource.get("id"):
                self._entries.append(("", entry))  # as nearly all: nothing to adopt or rename
            else:
                self._take(string(url).split("/_history/")[0], entry)

    def apply(self) -> None:
        """Point the references to what was renamed at its new id."""
        if self._renamed:
            for base, entry in self._entries:
                entry["resource"] = self._pointed(entry["resource"], base)

    def _take(self, url: str, entry: Entry) -> None:
        resource = entry["resource"]
        kind = string(resource.get("resourceType"))
        base, named = _split(url, kind)
        identity = resource.get("id")
        if named and not identity:
            identity = named
            entry["resource"] = {**resource, "id": named}
        self._entries.append((base, entry))
        if not isinstance(identity, str) or not identity:
            return
        own = f"{kind}/{identity}"
        known = self._bases.setdefault(own, base)
        if base and known != base:
            self._rename_second(base, kind, identity, entry)
        elif url and identity != named:
            self._renamed["", url] = own

    def _rename_second(self, base: str, kind: str, identity: str, entry: Entry) -> None:
        """The id of a resource that another server also uses gets a number of its own."""
        old, n = f"{kind}/{identity}", 2
        while self._bases.setdefault(f"{old}-{n}", base) != base:
            n += 1
        entry["resource"] = {**entry["resource"], "id": f"{identity}-{n}"}
        self._renamed[base, old] = self._renamed["", f"{base}/{old}"] = f"{old}-{n}"

    def _pointed(self, resource: dict[str, Any], base: str) -> dict[str, Any]:
        try:
            resource = deepcopy(resource)
        except RecursionError:  # nested deeper than any resource of FHIR
            return resource
        waiting: list[Any] = [resource]
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                reference = node.get("reference")
                if isinstance(reference, str):
                    node["reference"] = self._meant(reference, base)
                waiting += node.values()
            elif isinstance(node, list):
                waiting += node
        return resource

    def _meant(self, reference: str, base: str) -> str:
        plain = reference.split("/_history/")[0]
        absolute = self._renamed.get(("", plain))
        return absolute or self._renamed.get((base, plain), reference)


def _split(url: str, kind: str) -> tuple[str, str]:
    """The server's base and the id in an entry's address; a urn has no base."""
    if url.startswith("urn:"):
        return "", url.rpartition(":")[2]
    base, found, identity = url.rpartition(f"/{kind}/")
    if found and identity and "/" not in identity:
        return base, identity
    return "", url.rstrip("/").rpartition("/")[2]
