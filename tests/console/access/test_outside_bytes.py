"""What a browser sends beside a form: a cookie, a token, and where it wants to go."""

from __future__ import annotations

import asyncio
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from cds_hooks.console.access.cookies import Cookie, session_cookie, sign_in_cookie
from cds_hooks.console.access.own_pages import has_token, is_same_origin
from cds_hooks.console.access.return_path import return_path
from tests.console.access.served_console import Console

BASE = "https://cds.example.org"
TOKEN = "t" * 43


def _request(*headers: tuple[bytes, bytes], body: bytes = b"") -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "https",
        "path": "/x",
        "query_string": b"",
        "headers": [(b"host", b"cds.example.org"), *headers],
    }
    return Request(scope, receive)


@given(st.text() | st.text(alphabet="/\\:@.%?#a \t\r\n"))
def test_any_text_leads_to_a_page_of_this_service(text: str) -> None:
    path = return_path(text)
    target = urlsplit(urljoin(f"{BASE}/sign-in/return", f"../{path.lstrip('/')}"))
    assert (target.scheme, target.netloc) == ("https", "cds.example.org")
    assert path in (text, "/")
    assert path.startswith("/")
    assert not path.startswith("//")
    assert path.isprintable()


@pytest.mark.parametrize("path", ["/", "/account", "/inspector", "/inspector?a=1&b=%20", "/docs"])
def test_a_page_is_gone_back_to(path: str) -> None:
    assert return_path(path) == path


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_any_cookie_header_has_one_value_or_none(values: list[bytes]) -> None:
    cookie = Cookie("name", secure=True)
    value = cookie.read(_request(*((b"cookie", each) for each in values)))
    assert b";" not in value.encode("latin-1")
    assert sum(each.count(b"name=") for each in values) >= bool(value)


@given(
    st.binary(max_size=300),
    st.sampled_from(
        ["", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]
    ),
)
def test_any_body_without_the_token_is_refused(body: bytes, kind: str) -> None:
    request = _request((b"content-type", kind.encode()), body=body)
    assert asyncio.run(has_token(request, TOKEN)) is False


@given(st.binary(max_size=300))
def test_what_follows_the_token_does_not_matter(rest: bytes) -> None:
    form = (b"content-type", b"application/x-www-form-urlencoded")
    body = b"csrf=" + TOKEN.encode() + b"&" + rest
    assert asyncio.run(has_token(_request(form, body=body), TOKEN)) is True
    assert asyncio.run(has_token(_request(form, body=body), "")) is False


@given(st.binary(max_size=100))
def test_any_origin_but_ours_is_another(origin: bytes) -> None:
    same = is_same_origin(_request((b"origin", origin)), BASE)
    assert same is (origin == BASE.encode())


def test_cookies_have_the_prefix_over_tls_and_the_port_on_this_machine() -> None:
    assert session_cookie(BASE) == Cookie("__Host-chartside-session", secure=True)
    assert sign_in_cookie(BASE, 600) == Cookie("__Host-chartside-sign-in", secure=True, age_s=600)
    assert session_cookie("http://127.0.0.1:8010").name == "chartside-session-8010"
    assert session_cookie(BASE, local=True) == Cookie("chartside-session-0", secure=False)


def test_a_session_of_one_process_is_none_of_another() -> None:
    one, other = Console(), Console()
    session = one.sign_in()
    assert one.ask("GET", "/docs/page", session).status_code == 200
    assert other.ask("GET", "/docs/page", session).status_code == 401
