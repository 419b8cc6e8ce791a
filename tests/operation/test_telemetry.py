"""OpenTelemetry: what a real service sends to a collector, and that none of it is of a patient."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import get_current_span
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from pydantic import ValidationError

from cds_hooks.cds_client.requests import hook_request
from cds_hooks.inference.engine import EngineUnavailable
from cds_hooks.operation import Metrics
from cds_hooks.operation.telemetry_settings import TelemetrySettings
from cds_hooks.operation.trace_context import BoundedSampler, parent_of
from cds_hooks.operation.tracing import ATTRIBUTES, Tracing
from cds_hooks.runtime.egress import of_service
from cds_hooks.runtime.telemetry import Telemetry
from cds_hooks.services import find
from cds_hooks.settings import Settings
from tests.console.whole_service import PATIENT_VIEW, ROOT, WholeService
from tests.fake_engine import FakeReply
from tests.hostile.charts import Hostile, corpus, resources
from tests.ledger.starts import until
from tests.operation.collector import CollectorOfTests, attributes

HOSTILE = corpus()
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
STAGES = ["gather", "map", "rules", "render", "engine", "check", "record"]


def settings_with(endpoint: str) -> Any:
    def settings_for(folder: Path, port: int) -> Settings:
        given = {
            "store": {"path": str(folder / "s.sqlite"), "site_key": folder / "site.key"},
            "server": {"port": port},
            "services": {"samples": 1, "answer_within_s": 20, "recall_s": 0},
            "terminology": {"path": str(ROOT / "build" / "terminology.sqlite")},
            "telemetry": {"endpoint": endpoint, "metrics_every_s": 600},
        }
        return Settings.model_validate(given)

    return settings_for


def fire(service: WholeService, chart: Hostile, **headers: str) -> int:
    """The status of a hook with this chart."""
    service.engine.chart = chart
    offered = find(PATIENT_VIEW)
    assert offered is not None
    body = hook_request(
        "patient-view",
        offered.prefetch,
        resources(chart),
        patient_id=chart.patient_id,
        encounter_id="encounter-secret",
    )
    url = f"{service.url}/cds-services/{PATIENT_VIEW}"
    return httpx.post(url, json=body, headers=headers, timeout=60).status_code


def texts(value: Any) -> Iterator[str]:
    """Every text in a document that is long enough not to be found by chance."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str) and len(value) > 6:
        yield value


def test_a_hook_is_a_trace_of_its_stages_and_nothing_of_a_patient(tmp_path: Path) -> None:
    charts = HOSTILE[2 :: len(HOSTILE) // 3]
    with CollectorOfTests() as collector:
        service = WholeService(tmp_path, settings_with(collector.endpoint))
        try:
            for number, chart in enumerate(charts):
                told = {"traceparent": TRACEPARENT, "tracestate": "x=Jane"} if not number else {}
                assert fire(service, chart, **told) == 200
            service.engine.push(FakeReply(fault=EngineUnavailable("gone")))
            fire(service, HOSTILE[1])
        finally:
            service.stop()
        spans, metrics = collector.spans, collector.metrics
        said = b"".join(body for _, body in collector.bodies)
    secrets = {text for chart in charts for text in texts(resources(chart))}
    assert len(secrets) > 30
    assert [text for text in secrets if text.encode() in said] == []
    assert not [text for text in (b"encounter-secret", b"Jane", b"sqlite") if text in said]
    own = [span for span in spans if span.trace_id.hex() == TRACE]
    [hook] = [span for span in own if span.name == "hook"]
    assert hook.parent_span_id.hex() == PARENT
    assert attributes(hook) == {
        "http.route": "/cds-services/{id}",
        "http.response.status_code": 200,
        "chartside.service": PATIENT_VIEW,
    }
    within = [span for span in own if span.parent_span_id == hook.span_id]
    assert {span.name for span in within} == set(STAGES)
    engine = next(span for span in within if span.name == "engine")
    assert attributes(engine)["chartside.outcome"] == "answered"
    assert all(s.start_time_unix_nano <= s.end_time_unix_nano for s in spans)
    assert {key for span in spans for key in attributes(span)} <= set(ATTRIBUTES)
    assert not any(span.events or span.trace_state or span.status.message for span in spans)
    points = metrics["chartside_consultations_total"].sum.data_points
    assert sum(point.as_double for point in points) == len(charts) + 1
    [failed] = [span for span in spans if span.name == "engine" and span.status.code == 2]
    assert attributes(failed)["chartside.outcome"] == "engine-unavailable"
    assert metrics["chartside_http_seconds_bucket"].sum.is_monotonic


@pytest.mark.parametrize("way", ["refuses", "silent", "away"])
async def test_a_collector_that_fails_disturbs_no_hook(way: str) -> None:
    """The hooks end at once, the queue is bounded, and the end waits for no answer."""
    delay = 60.0 if way == "silent" else 0.0
    registry = CollectorRegistry()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        tracing.exchanged(route="/cds-services/{id}", service="s", status=200, code="")
        await send("answered")

    answered: list[Any] = []

    async def send(message: Any) -> None:
        answered.append(message)

    with CollectorOfTests(503 if way == "refuses" else 200, delay) as at:
        config = TelemetrySettings(
            endpoint="http://127.0.0.1:9" if way == "away" else at.endpoint,
            traces_per_minute=10_000,
            metrics_every_s=0.05,
        )
        tracing = Tracing(config, registry, version="1")
        traced = tracing.wrap(app)
        scope = {"type": "http", "method": "POST", "path": "/cds-services/s", "headers": []}
        async with tracing.kept():
            for _ in range(5000):
                await traced(scope, send, send)
            if way != "silent":
                await until(lambda: b'result="lost"} 0.0' not in generate_latest(registry), 60)
    assert answered == ["answered"] * 5000
    assert b'{result="sent"} 0.0' in generate_latest(registry)


def test_without_an_endpoint_nothing_is_there() -> None:
    telemetry = Telemetry(Settings(), Metrics())

    async def app(*_: Any) -> None: ...

    assert telemetry.wrap(app) is app
    assert telemetry.recording(telemetry) is telemetry


def test_a_collector_is_listed_and_spoken_to_over_tls() -> None:
    told = Settings.model_validate({"telemetry": {"endpoint": "https://otel.example:4318/"}})
    assert "otel.example" in str(list(of_service(told)))
    for wrong in (
        "http://otel.example:4318",
        "http://localhost:4318",
        "ftp://127.0.0.1",
        "https://u:p@otel.example",
        "https://otel.example/?q=1",
        "otel.example:4318",
    ):
        with pytest.raises(ValidationError):
            TelemetrySettings(endpoint=wrong)
    for right in ("http://127.0.0.1:4318", "http://[::1]:4318", "https://otel.example/otlp"):
        assert TelemetrySettings(endpoint=right).endpoint == right


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ([TRACEPARENT], True),
        ([f"00-{TRACE}-{PARENT}-00"], True),
        ([f"cc-{TRACE}-{PARENT}-01-later"], True),
        ([], False),
        ([TRACEPARENT, TRACEPARENT], False),
        ([f"ff-{TRACE}-{PARENT}-01"], False),
        ([f"00-{TRACE}-{PARENT}-01-more"], False),
        ([f"00-{'0' * 32}-{PARENT}-01"], False),
        ([f"00-{TRACE}-{'0' * 16}-01"], False),
        ([TRACEPARENT.upper()], False),
        ([TRACEPARENT[:-1]], False),
    ],
)
def test_only_a_good_traceparent_is_taken_over(given: list[str], fits: bool) -> None:
    found = get_current_span(parent_of([(b"traceparent", each.encode()) for each in given]))
    parent = found.get_span_context()
    assert parent.is_valid == fits
    assert not fits or (f"{parent.trace_id:032x}", f"{parent.span_id:016x}") == (TRACE, PARENT)


@given(st.lists(st.tuples(st.sampled_from([b"traceparent", b"x"]), st.binary(max_size=80))))
def test_any_headers_give_a_parent_or_none(headers: list[tuple[bytes, bytes]]) -> None:
    parent = get_current_span(parent_of(headers)).get_span_context()
    assert parent.is_remote == parent.is_valid


def test_clients_do_not_decide_how_much_is_traced() -> None:
    now = [0.0]
    sampler = BoundedSampler(1.0, 3, lambda: now[0])
    parent = parent_of([(b"traceparent", TRACEPARENT.encode())])

    def taken(many: int) -> int:
        decisions = [sampler.should_sample(parent, 1, "hook").decision for _ in range(many)]
        return decisions.count(Decision.RECORD_AND_SAMPLE)

    assert taken(100) == 3
    now[0] += 20.0
    assert taken(100) == 1
    now[0] += 6000.0
    assert taken(100) == 3
    assert BoundedSampler(0.0, 9).should_sample(parent, 1, "hook").decision is Decision.DROP


def test_what_is_no_word_is_not_sent() -> None:
    with CollectorOfTests() as collector:
        registry = CollectorRegistry()
        labelled = Gauge("chartside_test", "A test.", ["of"], registry=registry)
        for value in ("chartside-patient-view", "Jane Doe 1970", ""):
            labelled.labels(value).set(1)
        Gauge("other_test", "Not ours.", registry=registry).set(1)
        tracing = Tracing(TelemetrySettings(endpoint=collector.endpoint), registry, version="1")
        tracing._metrics()
        found, said = collector.metrics, collector.bodies[-1][1]
    assert b"Jane" not in said
    assert "other_test" not in found
    points = found["chartside_test"].gauge.data_points
    assert [attributes(point) for point in points] == [
        {"of": "chartside-patient-view"}, {}, {"of": ""}]  # fmt: skip
