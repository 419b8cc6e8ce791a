"""What the ledger is told of settings: values, and keyed hashes of what is secret."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
import pytest

from cds_hooks.audit import SiteKey
from cds_hooks.runtime.told_settings import is_withheld, told_settings
from cds_hooks.settings import load_settings, read_settings
from cds_hooks.settings.keys import known_keys

CANARY = "canary-7f3a"
SECRETS = f"""
[console]
emergency_people = ["{CANARY}"]
[openid]
issuer = "https://op.example"
client_id = "us"
client_secret = "{CANARY}"
reviewers = ["r"]
[tls]
certificate = "cert.pem"
key = "{CANARY}"
[own_calls]
issuer = "https://us.example"
key = "{CANARY}"
certificate = "cert.pem"
certificate_key = "{CANARY}"
[model_server]
bases = ["https://model.example/v1"]
model = "m"
key_file = "{CANARY}"
extra = {{ api_key = "{CANARY}", inner = {{ token = "{CANARY}" }} }}
[[panel.servers]]
bases = ["https://other.example/v1"]
model = "o"
key_file = "{CANARY}"
extra = {{ password = "{CANARY}" }}
[key_device]
module = "device.so"
token = "{CANARY}"
pin_file = "{CANARY}"
[key_vault]
address = "https://vault.example"
authority = "ca.pem"
token_file = "{CANARY}"
[store]
path = "postgresql://us@db.example/records?application_name={CANARY}"
site_key = "{CANARY}"
[ledger]
signing_key = "{CANARY}"
[witness]
fhir_server = "https://witness.example/r4"
client_id = "us"
key = "{CANARY}"
[prewarm]
key = "{CANARY}"
[[clients]]
name = "epic"
issuer = "https://ehr.example"
jwks = '{{"keys": [{{"kty": "oct", "k": "{CANARY}"}}]}}'
smart_client_id = "us"
smart_client_secret = "{CANARY}"
"""
# Every key whose value is a secret, or leads to one, by hand: a new one belongs here.
WITHHELD = {
    "own_calls.key", "own_calls.certificate_key", "tls.key", "openid.client_secret",
    "openid.client_key", "model_server.key_file", "model_server.certificate_key",
    "model_server.extra", "store.site_key", "key_device.token", "key_device.key",
    "key_device.pin_file", "key_vault.key", "key_vault.token_file", "ledger.signing_key",
    "witness.key", "prewarm.key", "trial_outcomes.key", "trial_outcomes.token_file",
    "console.emergency_people",
}  # fmt: skip


@pytest.fixture
def key(tmp_path: Path) -> SiteKey:
    return SiteKey.load(tmp_path / "site.key", create=True)


def test_no_secret_is_told_and_each_that_is_set_has_a_keyed_hash(
    key: SiteKey, tmp_path: Path
) -> None:
    file = tmp_path / "chartside.toml"
    file.write_text(SECRETS)
    settings = read_settings(file, {})
    told = told_settings(settings, key.digest)
    whole = orjson.dumps(told).decode()
    assert CANARY in settings.model_dump_json()
    assert CANARY not in whole
    assert hashlib.sha256(CANARY.encode()).hexdigest() not in whole
    for name in ("store.path", "openid.client_secret", "clients.epic.jwks", "model_server.extra",
                 "clients.epic.smart_client_secret", "console.emergency_people"):  # fmt: skip
        assert told[name].startswith('"h1:'), name
    assert told["openid.issuer"] == '"https://op.example"'
    assert told["witness.fhir_server"] == '"https://witness.example/r4"'
    file.write_text(SECRETS.replace(CANARY, "another"))
    other = told_settings(read_settings(file, {}), key.digest)
    assert {name for name in told if told[name] != other[name]} >= {"store.path", "tls.key"}


def test_the_keys_whose_values_are_withheld() -> None:
    assert {name for name, _ in known_keys() if is_withheld(name)} == WITHHELD


def test_every_key_is_told(key: SiteKey) -> None:
    told = told_settings(load_settings(None, {}), key.digest)
    assert set(told) == {name for name, _ in known_keys()} - {"clients"}
    assert (told["server.port"], told["openid.client_secret"]) == ("8010", "null")


def test_a_long_value_is_its_digest_and_one_at_the_limit_is_whole(
    key: SiteKey, tmp_path: Path
) -> None:
    file = tmp_path / "chartside.toml"
    for length, is_whole in ((198, True), (199, False)):  # with its quotes 200 and 201
        file.write_text(f'[capture]\nreason = "{"x" * length}"\n')
        told = told_settings(load_settings(file, {}), key.digest)["capture.reason"]
        wanted = f'"{"x" * length}"'
        digest = f"sha256:{hashlib.sha256(wanted.encode()).hexdigest()}"
        assert told == (wanted if is_whole else digest)
