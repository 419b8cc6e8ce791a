"""docs/operators/who-may-open-what.md is true of the running service, page by page."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from cds_hooks.app.routes import ALLOWED
from cds_hooks.console.access import Reader, Role
from tests.console.whole_service import WholeService

TEXT = (Path(__file__).resolve().parents[3] / "docs/operators/who-may-open-what.md").read_text(
    "utf-8"
)
ROWS = re.findall(r"^\| (`/.*?) \| (.+?) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)
OF_ROLES = {page: role for pages, role, *_ in ROWS for page in re.findall(r"`(/\w*)`", pages)}
# Signing in itself, what is inside a page, and what programs ask.
_OTHER = re.compile(
    r"/(cds-services|assets|open|sign-|signed-|account/|healthz|readyz|version|metrics|openapi)"
)


def _status(service: WholeService, path: str, *roles: Role) -> int:
    headers = {"Accept": "text/html"}
    access = service.runtime.access
    if roles:
        session = access.sessions.begin(Reader("x", "X", frozenset(roles), "link"))
        headers["Cookie"] = f"{access.cookie.name}={session}"
    return httpx.get(service.url + path, headers=headers, timeout=60).status_code


@pytest.mark.parametrize("page", [page for page, role in OF_ROLES.items() if role in set(Role)])
def test_a_page_opens_for_its_role_and_no_other(whole_service: WholeService, page: str) -> None:
    role = Role(OF_ROLES[page])
    assert _status(whole_service, page) == 401
    for each in Role:
        opens = each is role or role is Role.VIEWER
        assert _status(whole_service, page, each) == (200 if opens else 403), each


@pytest.mark.parametrize("page", [page for page, role in OF_ROLES.items() if role == "everybody"])
def test_what_is_for_everybody_opens_without_a_session(
    whole_service: WholeService, page: str
) -> None:
    assert _status(whole_service, page) == 200


def test_every_page_is_in_the_table() -> None:
    known = {page.split("/")[1] for row in ROWS for page in re.findall(r"`(/[\w/]*)", row[0])}
    pages = {route.split("/")[1].split(".")[0] for route in ALLOWED if not _OTHER.match(route)}
    assert pages <= known | {"sign-out"}
    assert {"statistics", "inspector", "account"} <= known
