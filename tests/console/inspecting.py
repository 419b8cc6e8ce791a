"""The inspector's form, sent as its page sends it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import httpx

from tests.console.whole_service import PATIENT_VIEW, WholeService
from tests.hostile.charts import resources

__all__ = ["choose_patients", "compare", "fact_of", "fire", "fire_and_hold", "send"]

_CSRF = re.compile(r'name="csrf" value="([^"]*)"')


def send(service: WholeService, record: Sequence[dict[str, Any]], **fields: str) -> httpx.Response:
    """What comes of a bundle that is dropped on the page."""
    [csrf, *_] = _CSRF.findall(service.get("/inspector", signed_in=True).text)
    bundle = {"resourceType": "Bundle", "type": "collection"}
    bundle |= {"entry": [{"resource": each} for each in record]}  # type: ignore[dict-item]
    given = {"csrf": csrf, "service": PATIENT_VIEW, "from": "files", **fields}
    parts: list[Any] = [(name, (None, value)) for name, value in given.items()]
    parts.append(("file", ("chart.json", json.dumps(bundle), "application/json")))
    return service.signed_in().post(f"{service.url}/inspector/fire", files=parts)


def fire(service: WholeService) -> str:
    """The path of the page of a hook that was fired and is answered."""
    path = _fired(service)
    service.until(lambda: 'id="live"' not in service.get(path, signed_in=True).text)
    return path


def fire_and_hold(service: WholeService) -> str:
    """The path of the page of one whose model has not answered."""
    service.engine.released.clear()
    return _fired(service)


def _fired(service: WholeService) -> str:
    chart = service.somebody()
    service.engine.chart = chart
    answer = send(service, resources(chart))
    assert answer.status_code == 303, answer.text
    return f"/inspector/{answer.headers['location'].rpartition('/')[2]}"


def choose_patients(service: WholeService) -> httpx.Response:
    """The page on which one of several patients of the files is chosen."""
    return send(service, [*resources(service.somebody()), *resources(service.somebody())])


def compare(service: WholeService) -> str:
    """The path of the page on which two of them stand side by side."""
    one, other = (fire(service).rpartition("/")[2] for _ in range(2))
    return f"/inspector/compare?one={one}&other={other}"


def fact_of(service: WholeService, part: str = "facts") -> str:
    """The path of the first fact of a fired hook, or of its first resource."""
    path = fire(service)
    html = service.get(path, signed_in=True).text
    [item, *_] = re.findall(rf'href="([0-9a-zA-Z_-]+/{part}/[^"]+)"', html)
    return f"/inspector/{item}"
