"""What settings of trust are refused, and what production asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.settings import BindNotLoopback, Settings, SettingsError, load_settings
from cds_hooks.settings.production_requirements import lacks
from cds_hooks.trust.published import is_public_issuer

CLIENT = {"name": "ehr", "issuer": "https://ehr.example", "jwks_file": "/k.json"}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def make(**given: Any) -> Settings:
        environ = {f"CHARTSIDE_{key.upper()}": _text(value) for key, value in given.items()}
        return load_settings(None, environ)

    return make


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def with_tls(**more: Any) -> dict[str, Any]:
    return {"tls__certificate": "/c.pem", "tls__key": "/k.pem", "clients": [CLIENT], **more}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"algorithms": ["none"]}, "must be one of"),
        ({"algorithms": ["HS256"]}, "must be one of"),
        ({"algorithms": []}, "at least 1"),
        ({"jwks_file": ""}, "needs jwks_file"),
        ({"jwks": "{}"}, "do not go together"),
        ({"jku": "ftp://x"}, "pattern"),
        ({"name": "Our EHR"}, "pattern"),
        ({"issuer": ""}, "at least 1"),
        ({"leeway_s": 900}, "300"),
        ({"card_profile": "meditech"}, "must be one of"),
        ({"fhir_bases": ["https://elsewhere.example"]}, "is not allowed"),
        ({"secret": "s"}, "not known"),
    ],
)
def test_a_client_that_makes_no_sense_is_refused(
    load: Any, entry: dict[str, Any], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        load(clients=[{**CLIENT, **entry}])


def test_two_of_one_name_or_issuer_are_refused(load: Any) -> None:
    for changes in ({"name": "other"}, {"issuer": "https://other.example"}):
        with pytest.raises(SettingsError, match="two clients"):
            load(clients=[CLIENT, {**CLIENT, **changes}])


def test_own_calls_are_as_a_client(load: Any) -> None:
    own = {"own_calls__issuer": "https://ehr.example", "own_calls__key": "/own.pem"}
    assert load(clients=[CLIENT], **own).own_calls.issuer == "https://ehr.example"
    with pytest.raises(SettingsError, match="no client has this issuer"):
        load(clients=[{**CLIENT, "issuer": "https://x.example"}], **own)
    with pytest.raises(SettingsError, match="belong together"):
        load(own_calls__issuer="https://ehr.example")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"clients": [CLIENT]},
        {"tls__certificate": "/c.pem", "tls__key": "/k.pem"},
        {"proxy__addresses": "10.0.0.1"},
    ],
    ids=["nothing", "clients alone", "TLS alone", "a proxy alone"],
)
def test_beyond_loopback_callers_are_known_and_the_way_encrypted(
    load: Any, given: dict[str, Any]
) -> None:
    with pytest.raises(BindNotLoopback):
        load(server__host="0.0.0.0", **given)


def test_beyond_loopback_with_both(load: Any) -> None:
    assert load(server__host="0.0.0.0", **with_tls()).server.host == "0.0.0.0"
    behind = load(server__host="0.0.0.0", clients=[CLIENT], proxy__addresses="10.0.0.0/28, ::1")
    assert behind.proxy.addresses == ("10.0.0.0/28", "::1")
    with pytest.raises(SettingsError, match="IP address"):
        load(proxy__addresses="proxy.example")


def codes(settings: Settings) -> set[str]:
    return {lack.code for lack in lacks(settings)}


def good(**changes: Any) -> Settings:
    given = {
        "profile": "production",
        "clients": [CLIENT],
        "tls": {"certificate": "/c.pem", "key": "/k.pem"},
        "server": {"public_url": "https://cds.example"},
        "fhir": {"allowed_bases": ["https://fhir.example"]},
        "ledger": {"witness_folder": "/witness"},
        "admission": {"folder": "/admissions", "public_key": "/a.pem"},
    }
    return Settings.model_validate({**given, **changes})


MINE = {
    "clients-missing",
    "client-issuer-public",
    "client-jku-not-https",
    "client-lifetime-long",
    "tls-missing",
    "public-url-not-https",
    "fhir-base-not-https",
    "cors-origin-not-https",
    "admission-missing",
    "admission-for-demonstration",
    "capture-without-reason",
}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"admission": {}}, "admission-missing"),
        ({"admission": {"folder": "/a", "public_key": "/a.pem", "required": "demonstration"}},
         "admission-for-demonstration"),
        ({"capture": {"folder": "/captures"}}, "capture-without-reason"),
        ({"capture": {"folder": "/captures", "reason": "case 4711"}}, ""),
        ({"tls": {}, "proxy": {"addresses": ["10.0.0.1"]}}, ""),
        ({"clients": []}, "clients-missing"),
        ({"clients": [{**CLIENT, "issuer": "https://sandbox.cds-hooks.org"}]},
         "client-issuer-public"),
        ({"clients": [{**CLIENT, "issuer": "https://SANDBOX.cds-hooks.org/"}]},
         "client-issuer-public"),
        ({"clients": [{**CLIENT, "jku": "https://sandbox.cds-hooks.org/.well-known/jwks.json"}]},
         "client-issuer-public"),
        ({"clients": [{**CLIENT, "jku": "http://ehr.example/jwks.json"}]}, "client-jku-not-https"),
        ({"clients": [{**CLIENT, "max_lifetime_s": 7200}]}, "client-lifetime-long"),
        ({"tls": {}}, "tls-missing"),
        ({"server": {}}, "public-url-not-https"),
        ({"server": {"public_url": "http://cds.example"}}, "public-url-not-https"),
        ({"fhir": {"allowed_bases": ["http://fhir.example"]}}, "fhir-base-not-https"),
        ({"server": {"public_url": "https://c.example", "cors_origins": ["http://a.example"]}},
         "cors-origin-not-https"),
    ],
)  # fmt: skip
def test_what_production_lacks(changes: dict[str, Any], code: str) -> None:
    assert codes(good(**changes)) & MINE == ({code} if code else set())


def test_every_lack_says_what_to_do() -> None:
    for lack in lacks(Settings(profile="production")):
        assert lack.code == lack.code.lower()
        assert lack.key
        assert lack.todo.endswith(".")


@pytest.mark.parametrize(
    ("issuer", "public"),
    [
        ("https://sandbox.cds-hooks.org", True),
        ("http://sandbox.cds-hooks.org:80/x", True),
        ("sandbox.cds-hooks.org", True),
        ("https://inferno.healthit.gov/suites/custom/crd_server", True),
        ("http://localhost:4567/custom/crd_server_v221", True),
        ("https://ehr.example/sandbox.cds-hooks.org", False),
        ("https://fhir.hospital.example/api/FHIR/R4", False),
        ("http://[", False),
    ],
)
def test_public_test_tools_are_known_by_name(issuer: str, public: bool) -> None:
    assert is_public_issuer(issuer) == public
