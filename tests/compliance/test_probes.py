"""Every probe passes an installation in which nothing is wrong, and fails one with its fault."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.compliance.checks import InstallationFacts, LedgerFacts, Result, ServiceFacts
from cds_hooks.compliance.checks.catalogue import PROBES

FAULTS: dict[str, list[dict[str, Any]]] = {
    "access-limited": [
        {"settings": {"clients": ()}},
        {"settings": {"openid.reviewers": (), "openid.administrators": ()}},
        {"settings": {"profile": "demo", "openid.issuer": ""}},
    ],
    "automatic-logoff": [{"settings": {"console.idle_s": 3600.5}}],
    "callers-authenticated": [
        {"lacks": (("clients-missing", "clients"),)},
        {"lacks": (("client-issuer-public", "clients.0.issuer"),)},
    ],
    "emergency-access": [{"settings": {"openid.issuer": ""}}],
    "overseers-assigned": [
        {"settings": {"openid.reviewers": ()}},
        {"settings": {"openid.administrators": ()}},
    ],
    "people-authenticated": [
        {"lacks": (("openid-not-https", "openid.issuer"),)},
        {"settings": {"profile": "demo", "openid.issuer": ""}},
    ],
    "users-identified": [{"ledger": {"without_user": 1}}, {"ledger": {"without_client": 1}}],
    "answers-traceable": [{"ledger": {"untraceable": 1}}],
    "basis-reachable": [{"settings": {"server.public_url": ""}}, {"settings": {"cards.link_s": 0}}],
    "caution-given": [{"caution": "For a physician, not for time-critical decisions."}],
    "informs-only": [{"own_texts": ("Give aspirin now.",)}],
    "urgency-stated": [{"caution": "Can be wrong."}],
    "inputs-discrete": [{"services": (ServiceFacts("s", ("Patient", "Account")),)}],
    "model-admitted": [{"admitted_for": ""}, {"admitted_for": "demonstration"}],
    "no-images": [{"services": (ServiceFacts("s", ("Patient", "ImagingStudy")),)}],
    "risks-covered": [{"risk_characteristics": {"safety": 1, "privacy": 0}}],
    "services-offered": [{"services": ()}],
    "several-options": [{"most_diagnoses": 1}],
    "egress-locked": [
        {"lacks": (("egress-not-locked", "egress.lock"),)},
        {"lacks": (("engine-not-confined", "egress.confine_engine"),)},
    ],
    "encrypted-at-rest": [
        {"store": {"unsealed": 1}},
        {"open_files": ("store.site_key",)},
        {"lacks": (("site-key-in-environment", "store.site_key"),)},
    ],
    "minimum-asked": [
        {"settings": {"capture.folder": "/captured", "capture.redact": False}},
        {"services": (ServiceFacts("s", ("Patient",), ("notes",)),)},
    ],
    "production-lacks-nothing": [
        {"settings": {"profile": "demo"}},
        {"lacks": (("records-in-build", "store.path"),)},
    ],
    "settings-closed": [{"config_mode": 0o620}, {"config_mode": 0o602}],
    "ways-encrypted": [
        {"lacks": (("tls-missing", "tls.certificate"),)},
        {"destinations": (("model_server.bases[0]", "http://models.hospital.example:80", False),)},
    ],
    "checkpoints-witnessed": [
        {"settings": {"ledger.witness_folder": None}},
        {"lacks": (("witness-not-https", "witness.fhir_server"),)},
    ],
    "event-list-complete": [{"ledger": {"counts": {"service-started": 1, "made-up": 1}}}],
    "events-recorded": [
        {"ledger": {"unrecorded": 1}},
        {"ledger": {"counts": {"hook-answered": 4}}},
    ],
    "ledger-kept": [{"ledger": {"first_seq": 1}}],
    "ledger-whole": [
        {"ledger": {"failure": "record 2: written after another record"}},
        {"ledger": {"not_compared": "not compared with the witness: it cannot be read"}},
    ],
    "stop-effective": [{"ledger": {"while_off": 1}}],
    "stored-states-attested": [{"ledger": {"other_state": "record 3: another state"}}],
}
CASES = [(probe, fault) for probe, faults in FAULTS.items() for fault in faults]
OF_THE_STORE = (
    "users-identified", "answers-traceable", "event-list-complete", "events-recorded",
    "encrypted-at-rest", "ledger-kept", "ledger-whole", "stop-effective", "stored-states-attested",
)  # fmt: skip


def planted(good: InstallationFacts, fault: dict[str, Any]) -> InstallationFacts:
    """The installation with some of its values changed."""
    changed = dict(fault)
    if "settings" in fault:
        changed["settings"] = {**good.settings, **fault["settings"]}
    for name in ("ledger", "store"):
        if name in fault:
            changed[name] = replace(getattr(good, name), **fault[name])
    return replace(good, **changed)


def test_every_probe_has_a_planted_fault() -> None:
    assert FAULTS.keys() == PROBES.keys()


@pytest.mark.parametrize("probe", sorted(PROBES))
def test_it_passes_where_nothing_is_wrong_with_what_it_looked_at(
    probe: str, good: InstallationFacts
) -> None:
    found = PROBES[probe](good)
    assert found.result is Result.PASS, found.says
    assert found.says
    assert found.evidence


@pytest.mark.parametrize(("probe", "fault"), CASES, ids=lambda each: str(each)[:60])
def test_it_fails_with_its_fault(
    probe: str, fault: dict[str, Any], good: InstallationFacts
) -> None:
    found = PROBES[probe](planted(good, fault))
    assert found.result is Result.FAIL
    assert found.says != PROBES[probe](good).says


@pytest.mark.parametrize("probe", OF_THE_STORE)
def test_without_a_store_nothing_is_claimed(probe: str, good: InstallationFacts) -> None:
    found = PROBES[probe](replace(good, ledger=None, store=None, unread="there is no store yet"))
    assert found.result is Result.NOT_ASSESSED


@pytest.mark.parametrize(
    ("probe", "change"),
    [
        ("emergency-access", {"settings": {"console.emergency_people": ()}}),
        ("urgency-stated", {"ledger": {"critical": 1}}),
        ("settings-closed", {"config_mode": None}),
        ("stop-effective", {"ledger": {"switched_off": 0}}),
        ("risks-covered", {"risk_characteristics": {}}),
    ],
)
def test_what_only_the_site_can_say_is_not_assessed(
    probe: str, change: dict[str, Any], good: InstallationFacts
) -> None:
    assert PROBES[probe](planted(good, change)).result is Result.NOT_ASSESSED


@pytest.mark.parametrize(("idle_s", "passes"), [(3599.5, True), (3600.0, True), (3600.5, False)])
def test_the_bound_of_a_session_is_an_hour(
    idle_s: float, passes: bool, good: InstallationFacts
) -> None:
    changed = planted(good, {"settings": {"console.idle_s": idle_s}})
    assert (PROBES["automatic-logoff"](changed).result is Result.PASS) is passes


@pytest.mark.parametrize("probe", ["events-recorded", "ledger-kept", "ledger-whole"])
def test_a_ledger_that_is_gone_is_no_empty_one(probe: str, good: InstallationFacts) -> None:
    gone = LedgerFacts(failure="the database is damaged (corrupt)")
    assert PROBES[probe](replace(good, ledger=gone)).result is Result.FAIL


@pytest.mark.parametrize(
    ("first", "result"),
    [
        ("2026-05-29T10:00:00Z", Result.PASS),  # 184 days before
        ("2026-05-29T10:00:01Z", Result.NOT_ASSESSED),
    ],
)
def test_a_young_ledger_has_not_shown_that_it_is_kept(
    first: str, result: Result, good: InstallationFacts
) -> None:
    assert PROBES["ledger-kept"](planted(good, {"ledger": {"first": first}})).result is result


def test_a_demonstration_on_this_machine_needs_no_tls(good: InstallationFacts) -> None:
    local = {"profile": "demo", "server.host": "127.0.0.1"}
    lacks = (("tls-missing", "tls.certificate"), ("public-url-not-https", "server.public_url"))
    changed = planted(good, {"settings": local, "lacks": lacks})
    assert PROBES["ways-encrypted"](changed).result is Result.PASS
    beyond = planted(changed, {"settings": {"server.host": "0.0.0.0"}})
    assert PROBES["ways-encrypted"](beyond).result is Result.FAIL


@pytest.mark.parametrize(
    ("query", "passes"),
    [("", False), ("?sslmode=prefer", False), ("?sslmode=require", True),
     ("?a=b&sslmode=verify-full", True), ("?sslmode=require&sslmode=disable", False)],
)  # fmt: skip
def test_a_database_elsewhere_is_asked_for_tls(
    query: str, passes: bool, good: InstallationFacts
) -> None:
    place = f"postgresql://chartside@db.hospital.example/records{query}"
    there = (("store.path", "postgresql://db.hospital.example:5432", False),)
    changed = planted(good, {"settings": {"store.path": place}, "destinations": there})
    assert (PROBES["ways-encrypted"](changed).result is Result.PASS) is passes


def test_a_server_on_this_machine_may_be_spoken_to_without_tls(good: InstallationFacts) -> None:
    here = {"destinations": (("model_server.bases[0]", "http://127.0.0.1:8000", True),)}
    assert PROBES["ways-encrypted"](planted(good, here)).result is Result.PASS
