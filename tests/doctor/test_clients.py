"""Faults planted in the settings of Epic, Oracle Health, the Sandbox and any other client."""

from __future__ import annotations

import pytest

from cds_hooks.doctor import client_findings
from cds_hooks.doctor.findings import catalogue
from tests.doctor.conftest import FAIL, NOT_CHECKED, PASS, WARN, Examine, shows

PUBLIC = '[server]\npublic_url = "https://cds.hospital.example"\n'
BASE = "https://fhir.hospital.example/api/FHIR/R4"
FHIR = f'[fhir]\nallowed_bases = ["{BASE}"]\n'
KEYS = 'jku = "https://fhir.hospital.example/jwks"\n'
EPIC = f'[[clients]]\nname = "epic"\nissuer = "{BASE}"\n{KEYS}card_profile = "epic"\n'
ORACLE = (
    '[[clients]]\nname = "oracle"\nissuer = "https://cds-hooks.cerner.com"\n'
    'jku = "https://authorization.cerner.com/jwk/keys-1"\ncard_profile = "oracle"\n'
)
SANDBOX = (
    '[[clients]]\nname = "sandbox"\nissuer = "https://sandbox.cds-hooks.org"\n'
    'jku = "https://sandbox.cds-hooks.org/.well-known/jwks.json"\n'
)
ORIGIN = '[server]\ncors_origins = ["https://sandbox.cds-hooks.org"]\n'


def services(*ids: str) -> str:
    return f"[services]\nenabled = {list(ids)}\n"


def test_a_good_client_of_each_family(examine: Examine) -> None:
    for text, ids in {
        PUBLIC + FHIR + EPIC: (
            "client-audience", "client-fhir-server", "client-answer-time", "epic-hooks",
            "epic-entered-problems", "epic-endpoint", "epic-issuer", "epic-algorithm",
            "epic-lifetime", "epic-topics", "epic-card-profile",
        ),
        PUBLIC + FHIR + ORACLE: (
            "oracle-hooks", "oracle-issuer", "oracle-endpoint", "oracle-keys",
            "oracle-card-profile",
        ),
        ORIGIN + FHIR + SANDBOX: ("sandbox-issuer", "sandbox-algorithm", "sandbox-origin"),
    }.items():  # fmt: skip
        found = examine("clients", text)
        assert {each.id for each in found if each.level is PASS} >= set(ids)


def test_without_clients_there_is_nothing_to_say(examine: Examine) -> None:
    assert examine("clients") == []


def test_what_every_client_needs(examine: Examine) -> None:
    generic = f'[[clients]]\nname = "ehr"\nissuer = "urn:ehr"\n{KEYS}'
    open_host = '[server]\nhost = "0.0.0.0"\n'
    shows(examine("clients", open_host + generic), "client-audience", FAIL)
    found = examine("clients", generic)
    assert "http://127.0.0.1:8010/cds-services/" in shows(found, "client-audience", PASS).says
    own = f'{generic}audiences = ["sand_man"]\n'
    assert "sand_man" in shows(examine("clients", own), "client-audience", PASS).says
    shows(found, "client-fhir-server", WARN)
    shows(examine("clients", FHIR + generic), "client-fhir-server", PASS)


@pytest.mark.parametrize(("seconds", "level"), [("5.0", PASS), ("5.1", WARN)])
def test_an_answer_that_takes_long(examine: Examine, seconds: str, level: str) -> None:
    for text in (
        f"answer_within_s = {seconds}\n",
        f"answer_within = {{chartside-patient-view = {seconds}}}\n",
    ):
        found = examine("clients", f"[services]\n{text}{EPIC}")
        [of_it] = [each for each in found if each.id == "client-answer-time"]
        assert of_it.level == level
    if level == WARN:
        shows(found, "client-answer-time", WARN)
    else:
        shows(found, "client-answer-time", PASS)


def test_hooks_that_an_ehr_does_not_have(examine: Examine) -> None:
    only = services("chartside-encounter-start", "chartside-problem-check")
    shows(examine("clients", only + EPIC), "epic-hooks", FAIL)
    shows(examine("clients", only + ORACLE), "oracle-hooks", FAIL)
    told = shows(examine("clients", EPIC), "epic-hooks", PASS).says
    assert "chartside-encounter-start" in told.partition("no trigger")[2]
    shows(examine("clients", ORACLE), "oracle-hooks", PASS)
    shows(
        examine("clients", services("chartside-patient-view") + EPIC), "epic-entered-problems", WARN
    )
    shows(examine("clients", EPIC), "epic-entered-problems", PASS)


@pytest.mark.parametrize(
    "url", ["", "http://cds.hospital.example", "https://cds.hospital.example/"]
)
def test_an_endpoint_that_cannot_be_registered(examine: Examine, url: str) -> None:
    text = f'[server]\npublic_url = "{url}"\n'
    shows(examine("clients", text + EPIC), "epic-endpoint", FAIL)
    shows(examine("clients", text + ORACLE), "oracle-endpoint", FAIL)
    told = shows(examine("clients", PUBLIC + EPIC), "epic-endpoint", PASS).says
    assert "https://cds.hospital.example/cds-services/chartside-patient-view" in told
    shows(examine("clients", PUBLIC + ORACLE), "oracle-endpoint", PASS)


def test_epics_issuer_is_its_fhir_base(examine: Examine) -> None:
    shows(examine("clients", FHIR + EPIC), "epic-issuer", PASS)
    other = FHIR.replace("fhir.hospital", "other.hospital")
    found = shows(examine("clients", other + EPIC), "epic-issuer", WARN)
    assert found.mend.startswith(f'fhir.allowed_bases = ["{BASE}"]   # or issuer')


def test_epics_tokens(examine: Examine) -> None:
    shows(examine("clients", f'{EPIC}algorithms = ["ES384"]\n'), "epic-algorithm", FAIL)
    shows(examine("clients", EPIC), "epic-algorithm", PASS)
    shows(examine("clients", f"{EPIC}max_lifetime_s = 899.0\n"), "epic-lifetime", FAIL)
    shows(examine("clients", f"{EPIC}max_lifetime_s = 900.0\n"), "epic-lifetime", PASS)


@pytest.mark.parametrize("topic", ["chartside-status", "x" * 101, "", "größe"])
def test_a_topic_that_epic_does_not_take(
    examine: Examine, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shows(examine("clients", EPIC), "epic-topics", PASS)
    monkeypatch.setattr(client_findings, "TOPICS", ("chartsideStatus", topic))
    assert topic in shows(examine("clients", EPIC), "epic-topics", FAIL).says


def test_cards_that_are_made_for_another_client(examine: Examine) -> None:
    generic = EPIC.replace('card_profile = "epic"\n', "")
    shows(examine("clients", generic), "epic-card-profile", WARN)
    shows(examine("clients", EPIC), "epic-card-profile", PASS)
    generic = ORACLE.replace('card_profile = "oracle"\n', "")
    shows(examine("clients", generic), "oracle-card-profile", WARN)
    shows(examine("clients", ORACLE), "oracle-card-profile", PASS)


def test_links_cannot_be_seen_from_here(examine: Examine) -> None:
    told = shows(examine("clients", PUBLIC + EPIC), "epic-links", NOT_CHECKED)
    assert "https://cds.hospital.example" in told.mend
    shows(examine("clients", ORACLE), "oracle-links", NOT_CHECKED)


def test_oracles_issuer_and_keys(examine: Examine) -> None:
    other = ORACLE.replace("https://cds-hooks", "https://CDS-hooks")
    shows(examine("clients", other), "oracle-issuer", FAIL)
    shows(examine("clients", ORACLE), "oracle-issuer", PASS)
    other = ORACLE.replace("authorization.cerner.com", "keys.example")
    shows(examine("clients", other), "oracle-keys", WARN)
    the_list = ORACLE.replace("/jwk/keys-1", "/jwk")
    shows(examine("clients", the_list), "oracle-keys", WARN)
    shows(examine("clients", ORACLE), "oracle-keys", PASS)


def test_the_sandboxes_issuer_origin_and_algorithm(examine: Examine) -> None:
    other = SANDBOX.replace('cds-hooks.org"', 'cds-hooks.org/"')
    shows(examine("clients", ORIGIN + other), "sandbox-issuer", FAIL)
    shows(examine("clients", SANDBOX), "sandbox-issuer", PASS)
    shows(examine("clients", SANDBOX), "sandbox-origin", FAIL)
    shows(examine("clients", ORIGIN + SANDBOX), "sandbox-origin", PASS)
    shows(examine("clients", f'{SANDBOX}algorithms = ["RS384"]\n'), "sandbox-algorithm", FAIL)
    shows(examine("clients", SANDBOX), "sandbox-algorithm", PASS)


@pytest.mark.parametrize(
    "more", ['profile = "production"\n', PUBLIC, '[server]\nhost = "0.0.0.0"\n']
)
def test_a_published_key_where_others_reach_it(examine: Examine, more: str) -> None:
    shows(examine("clients", more + SANDBOX), "sandbox-published-key", FAIL)
    shows(examine("clients", SANDBOX), "sandbox-published-key", WARN)


@pytest.mark.parametrize(
    ("issuer", "profile", "rules"),
    [
        (BASE, "generic", "epic-"),
        ("https://x.example/interconnect/api/FHIR/STU3/", "generic", "epic-"),
        ("https://x.example/fhir", "epic", "epic-"),
        ("https://x.example/fhir", "oracle", "oracle-"),
        ("https://sandbox.cds-hooks.org", "generic", "sandbox-"),
        ("https://x.example/fhir", "generic", ""),
        ("http://[", "generic", ""),
    ],
)
def test_families_are_told_by_issuer_or_card_profile(
    examine: Examine, issuer: str, profile: str, rules: str
) -> None:
    text = f'[[clients]]\nname = "e"\nissuer = "{issuer}"\n{KEYS}card_profile = "{profile}"\n'
    families = {f"{each.id.partition('-')[0]}-" for each in examine("clients", text)} - {"client-"}
    assert families == ({rules} if rules else set())


def test_every_rule_has_a_source() -> None:
    rules = {key: row for key, row in catalogue().items() if row.part == "clients"}
    assert len(rules) >= 20
    assert [key for key, row in rules.items() if len(row.source.split()) < 3] == []
