"""Through a real server on loopback: what only a connection shows."""

from __future__ import annotations

import socket

import httpx
import orjson
import pytest

from cds_hooks.protocol.json_body import BodyLimits

VIEW = "/cds-services/chartside-patient-view"
JSON = {"content-type": "application/json"}


@pytest.fixture(params=["httptools", "h11"])
def served(edge, serve, request):
    return serve(edge.app, http=request.param)


def test_a_client_reads_discovery_and_fires_a_hook(served, request_for, edge):
    with httpx.Client(base_url=served.url, timeout=60) as client:
        services = client.get("/cds-services").json()["services"]
        for service in services:
            document = request_for(service["hook"])
            answer = client.post(f"/cds-services/{service['id']}", json=document)
            assert answer.json()["cards"][0]["summary"] == "Two diagnoses to consider"
    assert [asked[0].id for asked in edge.asked] == [service["id"] for service in services]


@pytest.mark.parametrize("announced", [True, False])
def test_60_megabytes_are_refused_and_the_client_reads_why(served, request_for, announced):
    body = b"x" * 60_000_000
    pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
    with httpx.Client(base_url=served.url, timeout=60) as client:
        refusal = client.post(VIEW, content=body if announced else pieces, headers=JSON)
        assert refusal.status_code == 413
        assert refusal.json()["issue"][0]["details"]["coding"][0]["code"] == "body-too-large"
        assert refusal.headers["connection"] == "close"
        assert client.post(VIEW, json=request_for()).status_code == 200


def test_a_refusal_needs_no_body_at_all(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as raw:
        size = BodyLimits().max_bytes + 1
        raw.sendall(
            f"POST {VIEW} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {size}\r\n\r\n".encode()
        )
        assert raw.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_sends_all_before_it_reads_is_not_cut_off(served):
    """Without lingering the connection is reset under it, and the reason is lost."""
    size = BodyLimits().max_bytes + 4_000_000
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as raw:
        raw.sendall(
            f"POST {VIEW} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {size}\r\n\r\n".encode()
        )
        for _ in range(size // 1_000_000):
            raw.sendall(b" " * 1_000_000)
        assert raw.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_connection_lives_on_after_an_early_refusal(served, request_for):
    with httpx.Client(base_url=served.url, timeout=60) as client:
        body = b" " * 1_000_000 + orjson.dumps(request_for())
        early = client.post("/cds-services/unknown", content=body, headers=JSON)
        assert early.status_code == 404
        assert client.post(VIEW, content=body, headers=JSON).status_code == 200


def test_a_connection_cut_in_the_middle_of_a_body_harms_nobody(served, request_for):
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as raw:
        raw.sendall(
            f"POST {VIEW} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f'Content-Length: 1000\r\n\r\n{{"hook"'.encode()
        )
    with httpx.Client(base_url=served.url, timeout=60) as client:
        assert client.post(VIEW, json=request_for()).status_code == 200


def test_head_has_no_body(served):
    with httpx.Client(base_url=served.url, timeout=60) as client:
        head = client.head("/cds-services")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) == len(client.get("/cds-services").content)


def test_nothing_of_an_exception_reaches_the_servers_log(make_edge, serve, request_for, caplog):
    async def fails(*_):
        raise KeyError("SENTINEL")

    served = serve(make_edge(fails).app)
    with httpx.Client(base_url=served.url, timeout=60) as client:
        assert client.post(VIEW, json=request_for()).status_code == 500
    assert "SENTINEL" not in caplog.text
    assert "Traceback" not in caplog.text
