"""The fence around a FHIR server."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.gather import GatherConfig
from cds_hooks.gather.server_base import ServerBase, allowed_base


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://ehr.example.org/fhir", "https://ehr.example.org/fhir"),
        ("https://EHR.Example.org:443/fhir/", "https://ehr.example.org/fhir"),
        ("http://127.0.0.1:8090/fhir", "http://127.0.0.1:8090/fhir"),
        ("http://[::1]:8090/fhir", "http://[::1]:8090/fhir"),
        ("https://ehr.example.org", "https://ehr.example.org"),
    ],
)
def test_a_base_has_one_spelling(text: str, canonical: str) -> None:
    assert str(ServerBase.parse(text)) == canonical


@pytest.mark.parametrize(
    "text",
    ["", "fhir", "//h/fhir", "ftp://h/fhir", "https://u@h/fhir", "https://h/fhir?a=b",
     "https://h/a/../b", "https://h/%2e%2e/b", "https://h/fhir#x", "https://h\\x/fhir",
     "https://h /fhir", "https://münchen.example/fhir", "https://h:99999/fhir"],
)  # fmt: skip
def test_anything_but_a_plain_url_is_no_base(text: str) -> None:
    assert ServerBase.parse(text) is None


def test_the_configuration_refuses_a_base_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"allowed_bases\.1"):
        GatherConfig(allowed_bases=("https://h/fhir", "h/fhir"))


def test_an_allowed_base_covers_what_lies_under_it() -> None:
    allowed = ["https://h/api"]
    assert allowed_base("https://h/api/FHIR/R4", allowed) is not None
    assert allowed_base("https://h/api", allowed) is not None
    assert allowed_base("https://h/apis", allowed) is None
    assert allowed_base("https://h", allowed) is None
    assert allowed_base("https://h/api", []) is None


PIECES = st.sampled_from(
    ["https:", "http:", "//", "/", "ehr.example.org", "evil.example.net", "fhir", "..", ".", "%2e",
     "%2f", "%5c", "%25", "\\", "@", ":", "443", "?", "#", ";", "Patient", "=", "a", " ", "\t", "é"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=60))
def test_property_a_link_that_resolves_is_requested_under_the_base(link: str) -> None:
    base = ServerBase.parse("https://ehr.example.org/fhir")
    assert base is not None
    url = base.resolve(link)
    if url is None:
        return
    request = httpx.Request("GET", url)
    assert request.headers["Host"] == "ehr.example.org"
    assert request.url.scheme == "https"
    path = request.url.raw_path.partition(b"?")[0]
    assert path == b"/fhir" or path.startswith(b"/fhir/")
    assert b".." not in path.replace(b"%2e", b".").replace(b"%2E", b".").split(b"/")
    assert not request.url.userinfo


@pytest.mark.parametrize(
    "path", ["/fhir/%2e%2e/x", "/fhir/..%2fx", "/fhir/%252e./x", "/fhir/..;a/x"]
)
def test_a_base_covers_no_way_out_of_it(path: str) -> None:
    base = ServerBase.parse("https://h/fhir")
    assert base is not None
    assert not base.covers(httpx.URL(f"https://h{path}"))
    assert base.covers(httpx.URL("https://h/fhir/x"))
