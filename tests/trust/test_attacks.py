"""Every way to forge a token ends in the same bare 401, and none reaches what answers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.trust.attacks import ATTACKS, OTHER, Make
from tests.trust.conftest import BASE, PATH, Edge, Signer, client_entry, good_claims, hook

BARE = {
    "www-authenticate": "Bearer",
    "content-length": "0",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def assert_bare(answer: Any) -> None:
    assert answer.status_code == 401
    assert answer.content == b""
    told = {k: v for k, v in answer.headers.items() if k not in ("x-request-id", "date")}
    told.pop("content-security-policy")
    assert told == BARE


def test_there_are_many_and_no_two_alike() -> None:
    names = [name for name, _, _ in ATTACKS]
    assert len(names) == len(set(names))
    assert len(names) >= 40


@pytest.mark.parametrize(("make", "reason"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
async def test_it_is_refused(
    edge: Edge, signer: Signer, rsa_signer: Signer, make: Make, reason: str
) -> None:
    assert_bare(await edge.call(*make(signer, rsa_signer)))
    assert edge.asked == []
    assert [each.reason for each in edge.refused] == [reason]
    assert edge.exchanges[-1].code == reason


@pytest.mark.parametrize("name", ["signer", "rsa_signer"])
async def test_a_good_one_is_let_in(edge: Edge, request: Any, name: str) -> None:
    signer: Signer = request.getfixturevalue(name)
    answer = await edge.call(f"Bearer {signer.sign()}")
    assert answer.status_code == 200
    (_, asked, info) = edge.asked[0]
    assert asked.context.patient_id == "1"
    assert (info.caller.client, info.caller.issuer) == ("ehr", good_claims()["iss"])
    assert info.caller.token.startswith("h1:")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [OTHER, f"{BASE}{PATH}"]},
        {"nbf": 0, "sub": "epic"},
        {"exp": 200.5, "iat": -0.25},
        {"iat": 30},
        {"iat": -340, "exp": -30},
        {"tenant": "north"},
    ],
    ids=["a list", "as Epic", "fractions", "a clock ahead", "a clock behind", "a tenant"],
)
async def test_what_real_clients_send_is_let_in(
    edge: Edge, signer: Signer, changes: dict[str, Any]
) -> None:
    now = time.time()
    said = {key: now + v if key in ("exp", "iat") else v for key, v in changes.items()}
    answer = await edge.call(f"Bearer {signer.sign(good_claims(**said))}")
    assert answer.status_code == 200, edge.refused


async def test_a_token_is_used_once(edge: Edge, signer: Signer) -> None:
    token = f"Bearer {signer.sign()}"
    assert (await edge.call(token)).status_code == 200
    assert_bare(await edge.call(token))
    assert len(edge.asked) == 1
    assert edge.refused[-1].reason == "token-replayed"


async def test_a_token_is_used_once_at_whatever_endpoint(edge: Edge, signer: Signer) -> None:
    both = good_claims(aud=[f"{BASE}{PATH}", f"{BASE}{PATH}/feedback"])
    token = f"Bearer {signer.sign(both)}"
    assert (await edge.call(token)).status_code == 200
    entry = {"card": "c-1", "outcome": "accepted", "acceptedSuggestions": [{"id": "s"}]}
    assert_bare(await edge.call(token, path=f"{PATH}/feedback", body={"feedback": [entry]}))
    assert edge.fed_back == []


async def test_the_same_id_in_another_token_is_a_replay(edge: Edge, signer: Signer) -> None:
    first = good_claims()
    again = good_claims(jti=first["jti"], exp=first["exp"] + 5)
    assert (await edge.call(f"Bearer {signer.sign(first)}")).status_code == 200
    assert_bare(await edge.call(f"Bearer {signer.sign(again)}"))


async def test_of_many_at_once_one_is_let_in(edge: Edge, signer: Signer) -> None:
    token = f"Bearer {signer.sign()}"
    answers = await asyncio.gather(*(edge.call(token) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    assert len(edge.asked) == 1


async def test_a_second_process_knows_it_too(make_edge: Any, signer: Signer) -> None:
    token = f"Bearer {signer.sign()}"
    async with make_edge(client_entry(signer)) as one, make_edge(client_entry(signer)) as two:
        assert (await one.call(token)).status_code == 200
        assert_bare(await two.call(token))
        assert two.refused[0].reason == "token-replayed"


async def test_every_endpoint_of_the_protocol_asks(edge: Edge, signer: Signer) -> None:
    for method, path in (
        ("GET", "/cds-services"),
        ("HEAD", "/cds-services"),
        ("GET", "/cds-services/"),
        ("GET", "/cds-services//"),
        ("POST", PATH),
        ("POST", f"{PATH}/"),
        ("POST", f"{PATH}/feedback"),
        ("POST", "/cds-services/unknown"),
        ("PUT", PATH),
        ("DELETE", "/cds-services"),
    ):
        assert_bare(await edge.call(path=path, method=method))
    claims = good_claims(aud=f"{BASE}/cds-services")
    found = await edge.call(f"Bearer {signer.sign(claims)}", path="/cds-services", method="GET")
    assert len(found.json()["services"]) > 0


async def test_feedback_says_who_gave_it(edge: Edge, signer: Signer) -> None:
    path = f"{PATH}/feedback"
    entry = {"card": "c-1", "outcome": "accepted", "acceptedSuggestions": [{"id": "s"}]}
    token = signer.sign(good_claims(aud=f"{BASE}{path}"))
    assert (await edge.call(f"Bearer {token}", path=path, body={"feedback": [entry]})).is_success
    (_, _, info) = edge.fed_back[0]
    assert info.caller.client == "ehr"


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/version", "/basis", "/openapi.json"]
)
async def test_pages_of_those_who_run_it_ask_for_none(edge: Edge, path: str) -> None:
    assert (await edge.call(path=path, method="GET")).status_code == 200


async def test_a_preflight_asks_for_none(make_edge: Any, signer: Signer) -> None:
    origin = "https://ehr.hospital.example"
    async with make_edge(client_entry(signer), server={"cors_origins": [origin]}) as edge:
        asked = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ]
        answer = await edge.call(method="OPTIONS", headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        refused = await edge.call(headers=[("origin", origin)])
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == origin


async def test_without_clients_nobody_is_asked(make_edge: Any) -> None:
    async with make_edge() as edge:
        assert (await edge.call(body=hook())).status_code == 200
        assert edge.asked[0][2].caller.client == ""


async def test_an_unread_body_is_not_read(edge: Edge) -> None:
    """Megabytes of an unauthenticated caller are refused by their first byte, and take no place."""
    read = []

    async def receive() -> Any:
        read.append(1)
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
    }
    await edge.app(scope, receive, send)
    assert sent[0]["status"] == 401
    assert read == []
