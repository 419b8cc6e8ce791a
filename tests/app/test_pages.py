"""What those who run the service ask, and what every answer carries."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager

import pytest

from cds_hooks.app import Readiness
from cds_hooks.errors import ChartsideError

VIEW = "/cds-services/chartside-patient-view"


async def test_health_readiness_version_metrics(edge):
    assert (await edge.get("/healthz")).json() == {"status": "ok"}
    assert (await edge.get("/readyz")).json() == {"status": "ready", "checks": {"model": "ok"}}
    assert (await edge.get("/version")).json() == {"version": "1.2.3"}
    metrics = await edge.get("/metrics")
    assert metrics.text == "chartside_up 1\n"
    assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_not_ready_is_503_with_the_reason(make_edge):
    edge = make_edge(ready=Readiness(ready=False, checks={"model": "loading", "store": "ok"}))
    response = await edge.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"] == {"model": "loading", "store": "ok"}
    assert response.headers["retry-after"] == "2"
    assert (await edge.get("/healthz")).status_code == 200


async def test_the_basis_page_may_load_nothing(edge):
    response = await edge.get("/basis")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "On what the answers rest" in response.text


@pytest.mark.parametrize("path", ["/cds-services", "/healthz", "/nowhere", VIEW])
async def test_every_answer_has_an_id_and_is_not_kept(edge, path):
    response = await edge.get(path)
    assert uuid.UUID(response.headers["x-request-id"])
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert edge.seen[-1].request_id == response.headers["x-request-id"]


async def test_only_a_uuid_is_taken_over_as_the_request_id(edge):
    theirs = str(uuid.uuid4())
    response = await edge.get("/healthz", headers={"x-request-id": theirs})
    assert response.headers["x-request-id"] == theirs
    other = await edge.get("/healthz", headers={"x-request-id": "SENTINEL-Mrs-Smith"})
    assert uuid.UUID(other.headers["x-request-id"])


async def test_the_observer_sees_words_from_closed_sets_only(edge, request_for):
    await edge.fire(request_for())
    await edge.request("BREW", "/patients/SENTINEL")
    await edge.get("/cds-services/SENTINEL")
    good, odd, unknown = edge.seen
    assert (good.route, good.service, good.status, good.code) == (
        "/cds-services/{id}",
        "chartside-patient-view",
        200,
        "",
    )
    assert good.duration_ms > 0
    assert (odd.method, odd.route, odd.status, odd.code) == ("OTHER", "other", 404, "path-unknown")
    assert (unknown.route, unknown.service) == ("/cds-services/{id}", "")
    assert "SENTINEL" not in str(edge.seen)


async def test_an_unexpected_fault_is_a_500_that_tells_nothing(make_edge, request_for, code_of):
    async def fails(*_):
        raise KeyError("SENTINEL")

    edge = make_edge(fails)
    response = await edge.fire(request_for())
    assert (response.status_code, code_of(response)) == (500, "internal")
    assert "SENTINEL" not in response.text + str(edge.seen)
    assert edge.seen[0].code == "internal"
    assert edge.seen[0].fault.startswith("KeyError at ")


async def test_the_place_of_a_fault_is_the_last_of_our_own_files(make_edge):
    edge = make_edge(ready=3)
    response = await edge.get("/readyz")
    assert response.status_code == 500
    assert edge.seen[0].fault.startswith("AttributeError at cds_hooks/app/routers/operations.py:")


class Odd(ChartsideError):
    code = "Not A Code"
    status = 200
    issue = "no-issue-type"


async def test_an_error_that_is_itself_wrong_still_gets_an_answer(make_edge, request_for, code_of):
    async def fails(*_):
        raise Odd("x")

    response = await make_edge(fails).fire(request_for())
    assert (response.status_code, code_of(response)) == (500, "internal")


async def test_the_lifespan_is_entered_and_left(make_edge):
    steps = []

    @asynccontextmanager
    async def lifespan():
        steps.append("in")
        yield
        steps.append("out")

    edge = make_edge(lifespan=lifespan)
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return messages.pop(0)

    async def send(message):
        steps.append(message["type"])

    await edge.app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    assert steps == ["in", "lifespan.startup.complete", "out", "lifespan.shutdown.complete"]


async def test_two_services_that_cannot_be_published_stop_the_start(make_edge):
    from dataclasses import replace

    from cds_hooks.protocol.protocol_errors import AnswerInvalid
    from cds_hooks.services import REGISTRY

    with pytest.raises(AnswerInvalid):
        make_edge(services=(replace(REGISTRY[0], title=""),))
