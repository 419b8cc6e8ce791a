"""What Prometheus reads, and that none of it is about a patient."""

from __future__ import annotations

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from cds_hooks.consultation import Assessment, CheckedConsultation, Group, Outcome, Verdict
from cds_hooks.operation import Metrics
from fhir_mapping.chart import Chart, PatientFacts

SERVICE = "chartside-patient-view"
LABELS = {
    "route", "service", "status", "code", "outcome", "stage", "kind", "verdict", "what", "le",
    "result", "version",
}  # fmt: skip
DONE = CheckedConsultation(
    "11111111-1111-4111-8111-111111111111",
    "content-key-of-ada",
    SERVICE,
    1.0,
    "p1:pseudonym-of-ada",
    Chart(PatientFacts(), ()),
    samples=("Ada has a tumour",),
    samples_failed=2,
    assessments=(Assessment("Phyllodes tumour", Group.LIKELY, Verdict.PLAUSIBLE),),
    outcome=Outcome.ANSWERED,
    timings_ms={"map": 250.0},
    tokens={"prompt": 120},
)


def _values(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = metrics.page()[0].decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _fed() -> Metrics:
    metrics = Metrics()
    metrics.consultation(DONE)
    metrics.exchange("/cds-services/{id}", SERVICE, 503, "store-unavailable", 0.2)
    metrics.feedback(SERVICE, "accepted")
    metrics.engine(3, 1, 7)
    metrics.store_commit(0.01, 5)
    metrics.store_commit(0.01, 2, "disk-full")
    return metrics


def test_everything_is_counted_where_an_operator_looks_for_it() -> None:
    values = _values(_fed())
    consulted = (("outcome", "answered"), ("service", SERVICE))
    assert values["chartside_consultations_total", consulted] == 1
    assert values["chartside_stage_seconds_sum", (("stage", "map"),)] == 0.25
    assert values["chartside_tokens_total", (("kind", "prompt"),)] == 120
    assert values["chartside_samples_failed_total", ()] == 2
    assert values["chartside_verdicts_total", (("verdict", "plausible"),)] == 1
    assert values["chartside_errors_total", (("code", "store-unavailable"),)] == 1
    assert values["chartside_engine", (("what", "queued"),)] == 3
    assert values["chartside_engine", (("what", "restarts"),)] == 7
    assert values["chartside_store_writes_total", (("result", "ok"),)] == 5
    assert values["chartside_store_writes_total", (("result", "disk-full"),)] == 2
    accepted = (("outcome", "accepted"), ("service", SERVICE))
    assert values["chartside_feedback_total", accepted] == 1


def test_no_label_and_no_value_is_about_a_patient() -> None:
    text = _fed().page()[0].decode()
    for word in ("ada", "Ada", "tumour", DONE.id):
        assert word not in text
    names = {label for _, labels in _values(_fed()) for label, _ in labels}
    assert names <= LABELS


def test_the_registry_is_our_own() -> None:
    assert _fed().registry is not REGISTRY
    assert not any(name.startswith("chartside") for name in REGISTRY._names_to_collectors)
    assert _values(Metrics()) != _values(_fed())


def test_the_page_says_what_runs_and_how_much_memory_it_takes() -> None:
    values = _values(Metrics())
    assert any(name == "chartside_build_info" for name, _ in values)
    assert values["process_resident_memory_bytes", ()] > 1_000_000
