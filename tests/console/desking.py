"""The reviewer's desk, asked as its pages ask it."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.console.whole_service import WholeService

__all__ = ["csrf_of", "open_consultation", "search", "searched", "send", "verify"]

_CSRF = re.compile(r'name="csrf" value="([^"]*)"')
_ID = re.compile(r"/consultations/([0-9a-f-]{36})\.")


def csrf_of(service: WholeService) -> str:
    """The token of the session's forms."""
    [csrf, *_] = _CSRF.findall(service.get("/desk", signed_in=True).text)
    return csrf


def send(service: WholeService, path: str, **fields: str) -> httpx.Response:
    """What a form of the desk gives."""
    given = {"csrf": csrf_of(service), **fields}
    return service.signed_in().post(service.url + path, data=given)


def searched(service: WholeService) -> httpx.Response:
    """The page with what was found of somebody who was just seen."""
    somebody = service.somebody()
    service.consultation(somebody)
    return send(service, "/desk/search", patient=somebody.patient_id, user="")


def search(page: Any) -> None:
    page.click("text=Search >> nth=-1")


def open_consultation(service: WholeService) -> str:
    """The path of the page of a consultation that is on record."""
    [id_] = _ID.findall(service.consultation(service.somebody()))
    return f"/desk/consultations/{id_}"


def verify(service: WholeService) -> str:
    """The path of the page once a verification is done."""
    service.consultation(service.somebody())
    send(service, "/desk/verify")

    def done() -> bool:
        return 'id="waiting"' not in service.get("/desk/verify", signed_in=True).text

    service.until(done)
    return "/desk/verify"
