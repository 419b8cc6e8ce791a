"""`serve --sandbox`: what it sets for the CDS Hooks Sandbox, and where it refuses to."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_hooks.cli.application import main
from cds_hooks.operation import configure_logging
from cds_hooks.settings import Settings, SettingsError, load_settings
from cds_hooks.settings.sandbox import SandboxRefused, load_sandbox_settings, told_of_sandbox
from cds_hooks.trust.caller_errors import TokenRefused
from cds_hooks.trust.key_set import parse_key_set
from cds_hooks.trust.published import is_published
from cds_hooks.trust.token_checks import verify
from tests.trust.conftest import Signer, good_claims, key_set

ISSUER = "https://sandbox.cds-hooks.org"
SERVICE = "/cds-services/chartside-patient-view"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def make(text: str) -> Path:
        path = tmp_path / "chartside.toml"
        path.write_text(text)
        return path

    return make


def loaded(environ: dict[str, str] | None = None, **given: Any) -> Settings:
    return load_sandbox_settings(None, environ or {}, **given)


def test_the_profile_is_demo() -> None:
    assert loaded().profile == "demo"


@pytest.mark.parametrize("how", ["file", "environment"])
def test_in_production_the_published_key_is_refused(write: Any, how: str) -> None:
    file = write('profile = "production"\n' if how == "file" else "")
    environ = {"CHARTSIDE_PROFILE": "production"} if how == "environment" else {}
    with pytest.raises(SandboxRefused) as refused:
        load_sandbox_settings(file, environ)
    assert (refused.value.code, refused.value.where) == ("sandbox-refused", "profile")


@pytest.mark.parametrize("url", ["https://cds.hospital.example", "http://10.0.0.7:8010"])
def test_beyond_this_machine_it_is_refused(url: str) -> None:
    with pytest.raises(SandboxRefused) as refused:
        loaded({"CHARTSIDE_SERVER__PUBLIC_URL": url})
    assert refused.value.where == "server.host"


def test_a_host_beyond_loopback_is_refused_even_with_clients_and_tls(write: Any) -> None:
    """Such a service may listen elsewhere; with a key that everybody has it may not."""
    text = '[server]\nhost = "0.0.0.0"\n[tls]\ncertificate = "c.pem"\nkey = "k.pem"\n'
    with pytest.raises(SandboxRefused):
        load_sandbox_settings(write(text), {})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_this_machine_it_is_not(host: str) -> None:
    assert loaded({"CHARTSIDE_SERVER__HOST": host}).server.host == host


def test_pages_of_the_sandbox_may_call_and_of_one_of_ones_own(write: Any) -> None:
    assert loaded().server.cors_origins == (ISSUER,)
    file = write('[server]\ncors_origins = ["https://ehr.example"]\n')
    settings = load_sandbox_settings(file, {}, origins=("http://localhost:8080",))
    own = ("https://ehr.example", ISSUER, "http://localhost:8080")
    assert settings.server.cors_origins == own


def test_its_fhir_servers_may_be_read_and_one_of_ones_own() -> None:
    own = "http://127.0.0.1:8090/fhir"
    bases = loaded(fhir_servers=(own,)).fhir.allowed_bases
    assert bases[-1] == own
    assert "https://launch.smarthealthit.org/v/r4/fhir" in bases


def test_cards_are_made_for_it_and_other_clients_keep_their_profile(write: Any) -> None:
    text = (
        '[[clients]]\nname = "ehr"\nissuer = "urn:ehr"\njku = "https://ehr.example/jwks"\n'
        'card_profile = "epic"\n'
    )
    settings = load_sandbox_settings(write(text), {})
    assert settings.cards.profile == "sandbox"
    profiles = [(client.name, client.card_profile) for client in settings.clients]
    assert profiles == [("ehr", "epic"), ("cds-hooks-sandbox", "sandbox")]


def test_its_issuer_is_a_client_with_its_published_key() -> None:
    [client] = loaded().clients
    assert (client.issuer, client.algorithms, client.fetches) == (ISSUER, ("ES384",), False)
    [jwk] = orjson.loads(client.jwks)["keys"]
    assert is_published(jwk)
    assert parse_key_set(client.jwks.encode(), frozenset(client.algorithms), published=True).keys
    assert load_settings(None, {}).clients == ()


def test_an_entry_of_the_file_for_it_is_replaced(write: Any) -> None:
    text = f'[[clients]]\nname = "mine"\nissuer = "{ISSUER}"\njku = "https://else.example/jwks"\n'
    [client] = load_sandbox_settings(write(text), {}).clients
    assert client.name == "cds-hooks-sandbox"


@pytest.mark.parametrize(
    ("audience", "admitted"),
    [
        (f"http://127.0.0.1:8010{SERVICE}", True),
        (f"http://localhost:8010{SERVICE}", True),
        (f"http://localhost:8010{SERVICE}/feedback", True),
        ("http://localhost:8010/cds-services", True),
        (f"http://localhost:8011{SERVICE}", False),
        (f"https://elsewhere.example{SERVICE}", False),
    ],
)
def test_its_tokens_are_for_either_name_of_this_machine(audience: str, admitted: bool) -> None:
    """With a key of our own in place of the Sandbox's."""
    signer = Signer()
    [client] = loaded().clients
    keys = parse_key_set(key_set(signer.jwk()).encode(), frozenset({"ES384"}))
    now = time.time()
    claims = good_claims(iss=ISSUER, aud=audience, iat=now, exp=now + 300)
    url = f"http://127.0.0.1:8010{SERVICE}"
    if admitted:
        token = signer.sign(claims)
        assert verify(token, {ISSUER: client}, lambda _: keys, url, now).client is client
    else:
        with pytest.raises(TokenRefused):
            verify(signer.sign(claims), {ISSUER: client}, lambda _: keys, url, now)


@pytest.mark.parametrize("port", [0, None])
def test_a_port_that_is_not_known_leaves_the_address_of_the_log(port: int | None) -> None:
    settings = loaded({"CHARTSIDE_SERVER__PORT": "0"}, port=port)
    assert settings.clients[0].audiences == ()


def test_each_setting_has_its_line_and_each_line_reaches_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = loaded(origins=("http://localhost:8080",))
    lines = tuple(told_of_sandbox(settings))
    assert [line.partition(" ")[0] for line in lines] == [
        "profile", "clients", "server.cors_origins", "fhir.allowed_bases", "cards.profile",
        "server.host",
    ]  # fmt: skip
    assert "http://localhost:8080" in lines[2]
    configure_logging(level="info", json=True)
    logging.getLogger("cds_hooks.settings.sandbox").warning(lines[1])
    assert "private key is published" in capsys.readouterr().err


def test_an_origin_that_is_none_is_named() -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(origins=("http://localhost:8080/",))
    assert refused.value.where == "server.cors_origins.1"


@pytest.mark.parametrize("option", ["--origin", "--fhir-server"])
def test_its_options_need_it(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["chartside", "serve", option, "http://127.0.0.1:1"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert "sandbox-refused" in capsys.readouterr().err
