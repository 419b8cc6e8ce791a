"""Any bytes and any JSON to every endpoint: never a fault of ours, never a value sent back."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

SENTINEL = "Zzyzx7"
PATHS = [
    "/cds-services/chartside-patient-view",
    "/cds-services/chartside-encounter-start",
    "/cds-services/chartside-patient-view/feedback",
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    st.just(SENTINEL),
    st.sampled_from([f"Patient/{SENTINEL}", f"https://{SENTINEL}.example/r4", f"{SENTINEL}\r\n"]),
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.just(SENTINEL), inner, max_size=4)
    ),
    max_leaves=12,
)


def members(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """An object with some of these members, each of any value, beside others."""
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(names, json_values))
    return st.builds(dict, known)


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return strategy | json_values


requests = st.fixed_dictionaries(
    {
        "hook": some(st.sampled_from(["patient-view", "encounter-start"])),
        "hookInstance": some(st.uuids().map(str)),
        "context": some(members("userId", "patientId", "encounterId", SENTINEL)),
    },
    optional={
        "fhirServer": json_values,
        "fhirAuthorization": some(
            members("access_token", "token_type", "expires_in", "scope", "subject", "patient")
        ),
        "prefetch": some(members("patient", "problems", SENTINEL)),
        "extension": json_values,
        SENTINEL: json_values,
    },
)
entries = some(
    st.fixed_dictionaries(
        {"card": some(st.just("c1")), "outcome": some(st.sampled_from(["accepted", "overridden"]))},
        optional=dict.fromkeys(
            ["acceptedSuggestions", "overrideReason", "overrideReasons", "outcomeTimestamp"],
            json_values,
        ),
    )
)
feedback = st.fixed_dictionaries({"feedback": some(st.lists(entries, max_size=4))})
bodies = st.one_of(
    st.binary(max_size=200),
    json_values.map(orjson.dumps),
    requests.map(orjson.dumps),
    feedback.map(orjson.dumps),
    requests.map(orjson.dumps).map(lambda body: body[: len(body) // 2]),
)


@pytest.fixture(scope="module")
def ask(make_edge):
    edge = make_edge()
    loop = asyncio.new_event_loop()

    def run(method: str, path: str, **kwargs: Any) -> httpx.Response:
        return loop.run_until_complete(edge.request(method, path, **kwargs))

    yield run
    loop.close()


def safe(response: httpx.Response) -> None:
    assert response.status_code < 500, response.text
    assert SENTINEL not in response.text
    assert SENTINEL.lower() not in str(response.headers).lower()


@given(path=st.sampled_from(PATHS), body=bodies)
def test_any_body(ask, path, body):
    safe(ask("POST", path, content=body, headers={"content-type": "application/json"}))


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]),
    path=st.lists(
        st.sampled_from(["cds-services", "chartside-patient-view", "feedback", "healthz", ""])
        | st.text(alphabet="abc./%?#{}é ", max_size=6)
        | st.just(SENTINEL),
        max_size=4,
    ).map(lambda parts: quote("/" + "/".join(parts), safe="/%")),
    body=st.binary(max_size=20),
)
def test_any_path_and_method(ask, method, path, body):
    url = httpx.URL("http://edge.test").copy_with(raw_path=path.encode())
    safe(ask(method, url, content=body))


header_text = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


@given(
    headers=st.fixed_dictionaries(
        {},
        optional={
            name: header_text | st.just(SENTINEL)
            for name in (
                "content-type",
                "content-encoding",
                "x-request-id",
                "origin",
                "authorization",
                "access-control-request-method",
                "x-forwarded-for",
            )
        },
    ),
    method=st.sampled_from(["GET", "POST", "OPTIONS"]),
)
def test_any_headers(ask, headers, method):
    safe(ask(method, PATHS[0], content=b"{}", headers=headers))
