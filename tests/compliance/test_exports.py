"""Ledger records as FHIR: valid R4B, in the patterns that they name, with keyed hashes only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.ledger.entries import consultation_entry
from cds_hooks.audit.ledger.record import Entry
from cds_hooks.compliance.audit_events import Site, audit_events
from cds_hooks.compliance.exports import FORMATS, ExportInvalid, export_lines
from cds_hooks.compliance.provenance import provenance
from cds_hooks.consultation import (
    CheckedConsultation,
    KeyState,
    ModelIdentity,
    Outcome,
    RecordedCall,
)
from cds_hooks.protocol.cards import Card, Source
from fhir_mapping.chart import Chart, Fact, Kind, PatientFacts
from prompts.prompt import Message, Prompt, TemplateRef

SITE = Site("https://cds.example.org")
DCM = "http://dicom.nema.org/resources/ontology/DCM"
SECRETS = (
    "Patient/p-secret",
    "Observation/o-secret",
    "Zollinger",
    "Encounter/e-secret",
    "u-secret",
)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the ledger holds of one answered hook, as its own code writes it."""
    key = SiteKey.load(tmp_path_factory.mktemp("key") / "site.key", create=True)
    fact = Fact("L1", Kind.LAB, "Zollinger factor 4", sources=("Observation/o-secret",))
    prompt = Prompt(
        messages=(Message("system", "s"), Message("user", "L1 | Zollinger factor 4")),
        template=TemplateRef("differential", "2", "ab" * 32),
        schema={},
        fact_ids=("L1",),
    )
    asked = CheckedConsultation(
        id="6e7c1a54-7f6e-4b9e-9a33-2a0f6f6f5f10",
        key="k",
        service="chartside-patient-view",
        created=1_790_000_000.0,
        patient_key=key.patient_key("p-secret", fhir_server="https://fhir.example.org"),
        chart=Chart(PatientFacts(61, "male"), (fact,)),
        prompt=prompt,
        model=ModelIdentity("gemma", "cd" * 32, "llama.cpp b1"),
        key_states={"patient": KeyState.FETCHED, "problems": KeyState.FETCHED},
        samples=("{}",),
        outcome=Outcome.ANSWERED,
    )
    card = Card("Zollinger-Ellison", "info", Source("Chartside"), uuid="c-1")
    call = RecordedCall(
        hook="patient-view",
        hook_instance="h-1",
        request_id="r-1",
        client_iss="https://ehr.example.org",
        tenant="north",
        jti="j-1",
        user_id="Practitioner/u-secret",
        encounter_id="e-secret",
    )
    return placed(consultation_entry(asked, (card,), call, key))


def placed(entry: Entry) -> dict[str, Any]:
    """An entry as it stands in the ledger."""
    stamp = {"event_id": "0b8fd0c2-9a0f-4a35-8f0f-0f4b8a1c2d3e"}
    return {**entry.written(), **stamp, "recorded": "2026-11-22T21:00:00.125Z", "seq": 7}


def exported(records: list[dict[str, Any]], format_: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export_lines(records, format_, SITE)]


def agents(event: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [a for a in event["agent"] if any(c["code"] == code for c in a["type"]["coding"])]


def entities(event: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [e for e in event["entity"] if e["type"]["code"] == code]


def test_a_hook_is_a_disclosure_as_its_recipient_records_it(record: dict[str, Any]) -> None:
    """The cardinalities of BALP's PrivacyDisclosure.Recipient."""
    event = exported([record], "auditevents")[0]
    assert event["meta"]["profile"] == [
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/"
        "IHE.BasicAudit.PrivacyDisclosure.Recipient"
    ]
    assert (event["type"]["system"], event["type"]["code"]) == (DCM, "110107")
    assert event["action"] == "C"
    assert event["outcome"] == "0"
    assert [s["code"] for s in event["subtype"]] == ["disclose", "hook-answered"]
    [source], [recipient], [user] = (agents(event, c) for c in ("110153", "110152", "IRCP"))
    assert source["who"]["identifier"]["value"] == "https://ehr.example.org"
    assert source["network"]["address"]
    assert source["policy"] == ["urn:ietf:params:oauth:jti:j-1"]
    assert recipient["who"] == event["source"]["observer"]  # val-audit-source
    assert user["requestor"] is True
    assert "network" not in user
    [patient] = entities(event, "1")
    assert patient["role"]["code"] == "1"
    assert patient["what"]["type"] == "Patient"
    assert [e["what"]["identifier"]["value"] for e in entities(event, "XrequestId")] == ["r-1"]
    resources = [e for e in entities(event, "2") if e.get("role", {}).get("code") == "4"]
    assert len(resources) == len(record["resource_refs_hmac"]) == 1


def test_what_the_service_read_itself_is_a_read_or_a_query(record: dict[str, Any]) -> None:
    """BALP: the client of a read is its destination, that of a query its source."""
    _, read, query = exported([record], "auditevents")
    assert read["meta"]["profile"][0].endswith(".PatientRead")
    assert query["meta"]["profile"][0].endswith(".PatientQuery")
    assert (read["action"], query["action"]) == ("R", "E")
    us = {"identifier": {"value": SITE.base}}
    assert agents(read, "110152")[0]["who"] == us
    assert agents(query, "110153")[0]["who"] == us
    assert [e["role"]["code"] for e in entities(query, "2") if "query" in e] == ["24"]
    assert len({e["id"] for e in exported([record], "auditevents")}) == 3


def test_a_failed_answer_keeps_the_pattern_and_tells_the_outcome(record: dict[str, Any]) -> None:
    failed = {**record, "outcome": "engine-failed", "reason_code": "engine-unavailable"}
    event = exported([failed], "auditevents")[0]
    assert event["outcome"] == "4"
    assert event["outcomeDesc"] == "engine-unavailable"


def test_an_answer_shown_again_is_told_with_what_it_rests_on(record: dict[str, Any]) -> None:
    """The ledger tells the model where it spoke, and the caller where it was shown."""
    work = {k: v for k, v in record.items() if k not in ("cards", "client_iss", "user_ref", "jti")}
    named = ("type", "event_id", "recorded", "consultation", "patient_pseudonym", "cards")
    shown = {k: record[k] for k in named} | {"event_id": "e-2", "client_iss": "https://ehr.example"}
    work["type"] = "consulted"
    activity, disclosure, *reads = exported([work, shown], "auditevents")
    assert activity["type"]["code"] == "110100"
    assert disclosure["type"]["code"] == "110107"
    assert len(entities(disclosure, "1")) == 1
    assert [e["id"] for e in reads] == ["e-2-0", "e-2-1"]
    [made] = exported([work, shown], "provenance")
    assert made["id"] == "e-2"
    assert made["contained"][0]["deviceName"][0]["name"] == "gemma"


@pytest.mark.parametrize(
    ("kind", "code", "outcome"),
    [
        ("token-refused", "110113", "8"),
        ("service-started", "110100", "0"),
        ("consultation-read", "110110", "0"),
        ("consultation-opened", "110110", "0"),
        ("ledger-searched", "110101", "0"),
        ("signed-in", "110114", "0"),
        ("sign-in-refused", "110113", "8"),
        ("page-refused", "110113", "8"),
    ],
)
def test_other_records_are_events_too(kind: str, code: str, outcome: str) -> None:
    [event] = exported([placed(Entry(type=kind))], "auditevents")
    assert (event["type"]["code"], event["outcome"]) == (code, outcome)
    assert event["subtype"][-1]["code"] == kind


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("signed-in", ("110114", "110122")),
        ("signed-out", ("110114", "110123")),
        ("emergency-role-taken", ("110113", "110127")),
        ("emergency-role-ended", ("110113", "110138")),
    ],
)
def test_what_people_do_has_the_words_of_dicom(kind: str, codes: tuple[str, str]) -> None:
    [event] = exported([placed(Entry(type=kind, user_ref="h1:ab"))], "auditevents")
    assert (event["type"]["code"], event["subtype"][0]["code"]) == codes
    assert "h1:ab" in str(event["agent"])


def test_an_ai_provenance_names_model_prompt_and_sources(record: dict[str, Any]) -> None:
    [made] = exported([record], "provenance")
    contained = {each["id"]: each for each in made["contained"]}
    assert made["reason"][0]["coding"][0]["code"] == "AIAST"
    assert made["meta"]["security"][0]["code"] == "AIAST"
    [agent] = made["agent"]
    assert agent["role"][0]["coding"][0]["code"] == "Artificial-Intelligence"
    assert agent["who"]["reference"] == "#model"
    model = contained["model"]
    assert model["identifier"][0]["value"] == "cd" * 32
    kinds = model["extension"][0]["valueCodeableConcept"]["coding"]
    assert kinds[0]["code"] == "Large-Language-Models"
    assert contained["prompt"]["identifier"][0]["value"] == record["prompt_hmac"]
    roles = [entity["role"] for entity in made["entity"]]
    assert roles == ["derivation", "derivation", "source"]
    assert [t["identifier"]["value"] for t in made["target"]] == ["c-1"]
    referred = {e["what"]["reference"] for e in made["entity"] if "reference" in e["what"]}
    assert {f"#{name}" for name in contained} == referred | {"#model"}


def test_where_no_model_spoke_there_is_no_provenance(record: dict[str, Any]) -> None:
    without = {k: v for k, v in record.items() if k != "model_id"}
    assert exported([without, placed(Entry(type="feedback"))], "provenance") == []


@pytest.mark.parametrize("format_", sorted(FORMATS))
def test_nothing_of_a_chart_or_a_user_is_in_clear(record: dict[str, Any], format_: str) -> None:
    text = b"".join(export_lines([record], format_, SITE)).decode()
    assert [secret for secret in SECRETS if secret.rpartition("/")[2] in text] == []


names = st.sampled_from(
    [
        *("type", "event_id", "recorded", "outcome", "reason_code", "client_iss", "tenant", "jti"),
        *("user_ref", "patient_pseudonym", "service_id", "prompt_hmac", "model_id", "request_id"),
        *("prefetch_state", "cards", "resource_refs_hmac", "seq"),
    ]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.text(max_size=8) | st.none() | st.integers() | st.just("zz-sentinel"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
)


@given(changes=st.dictionaries(names, values, max_size=4), format_=st.sampled_from(sorted(FORMATS)))
def test_any_record_is_valid_fhir_or_refused_without_its_values(
    record: dict[str, Any], changes: dict[str, Any], format_: str
) -> None:
    refused = ""
    try:
        for line in export_lines([{**record, **changes}], format_, SITE):
            assert line.endswith(b"\n")
            assert line.count(b"\n") == 1
    except ExportInvalid as error:
        refused = error.diagnostics()
    assert "zz-sentinel" not in refused


def test_both_are_lazy() -> None:
    def endless() -> Iterator[dict[str, Any]]:
        while True:
            yield placed(Entry(type="service-started"))

    assert next(export_lines(endless(), "auditevents", SITE))
    assert list(audit_events(placed(Entry(type="x")), SITE))
    assert list(provenance(placed(Entry(type="x")), SITE)) == []
