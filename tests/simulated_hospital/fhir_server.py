"""The hospital's FHIR server as it is weeks later: reads and searches by patient, page by page."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from tests.simulated_hospital.bundles import later_resources, resources
from tests.simulated_hospital.encounters import Encounter
from tests.simulated_hospital.loopback import Reply, loopback

__all__ = ["fhir_server"]

Resource = dict[str, Any]

_KIND = "application/fhir+json"
_PAGE = 10
"""Fewer than are asked for, as servers may: whoever reads has to follow the links."""


@contextlib.asynccontextmanager
async def fhir_server(encounters: Iterable[Encounter]) -> AsyncIterator[str]:
    """The base URL of a server that holds all that was charted of these encounters."""
    held = _Charted(encounters)
    async with loopback(lambda path, _: held.answer(path)) as base:
        held.base = base
        yield base


class _Charted:
    def __init__(self, encounters: Iterable[Encounter]) -> None:
        self.base = ""
        self.by_id: dict[str, Resource] = {}
        self.of_patient: dict[tuple[str, str], dict[str, Resource]] = {}
        for encounter in encounters:
            # What was charted later takes the place of what was there.
            for each in (*resources(encounter), *later_resources(encounter)):
                kind, id_ = each["resourceType"], each["id"]
                self.by_id[f"{kind}/{id_}"] = each
                self.of_patient.setdefault((kind, encounter.patient.id), {})[id_] = each

    def answer(self, path: str) -> Reply:
        parts = urlsplit(path)
        kind, _, id_ = parts.path.strip("/").partition("/")
        if id_:
            found = self.by_id.get(f"{kind}/{id_}")
            return (orjson.dumps(found) if found else b""), _KIND
        return self._search(kind, parse_qs(parts.query)), _KIND

    def _search(self, kind: str, query: dict[str, list[str]]) -> bytes:
        patient, since = query["patient"][0], query.get("date", ["ge0000"])[0].removeprefix("ge")
        own = self.of_patient.get((kind, patient), {}).values()
        found = [each for each in own if kind != "Encounter" or each["period"]["end"] >= since]
        begin = int(query.get("page", ["0"])[0])
        page: Resource = {"resourceType": "Bundle", "type": "searchset"}
        page["entry"] = [{"resource": each} for each in found[begin : begin + _PAGE]]
        if begin + _PAGE < len(found):
            more = f"{self.base}/{kind}?patient={patient}&date=ge{since}&page={begin + _PAGE}"
            page["link"] = [{"relation": "next", "url": more}]
        return orjson.dumps(page)
