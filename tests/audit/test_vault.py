"""A site key in Vault, against a server with its transit interface: TLS, faults, tokens."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import KeyRefused, RecordUnreadable, SiteKey, Store, StoreConfig
from cds_hooks.audit.encryption import DecryptionFailed
from cds_hooks.audit.external_keys.key_file import (
    create_external_key,
    load_or_create_external_successor,
    open_external_key,
)
from cds_hooks.audit.external_keys.key_settings import KeyVaultSettings
from cds_hooks.audit.external_keys.vault import KeyVaultRefused, VaultTransit
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.consultation import Consultation
from cds_hooks.runtime.egress import of_service
from cds_hooks.settings import Settings
from tests.audit.tampering import execute, rows
from tests.transit import TOKEN, TransitServer, make_authority


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[TransitServer]:
    with TransitServer(tmp_path) as server:
        yield server


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def reach(vault: TransitServer, token_file: Path) -> KeyVaultSettings:
    return KeyVaultSettings(
        address=vault.address, authority=vault.authority, token_file=token_file, timeout_s=1.0
    )


@pytest.fixture
def transit(reach: KeyVaultSettings) -> Iterator[VaultTransit]:
    transit = VaultTransit(reach)
    yield transit
    transit.close()


@pytest.fixture
def external(transit: VaultTransit, tmp_path: Path) -> SiteKey:
    return create_external_key(tmp_path / "external.key", transit)


async def test_records_are_sealed_under_vault_and_few_requests_are_made(
    external: SiteKey, transit: VaultTransit, vault: TransitServer, where: Path | str,
    tmp_path: Path, consultation: Consultation,
) -> None:  # fmt: skip
    store = Store(StoreConfig(where), external)
    await store.open()
    vault.requests.clear()
    for n in range(5):
        one = dataclasses.replace(consultation, id=f"c{n}", key=f"k{n}")
        await store.save_consultation(one)
        assert await store.get(f"c{n}") == one
    assert [path for path, _ in vault.requests] == ["/v1/transit/encrypt/chartside"]
    await store.close()
    vault.rotate()  # Vault's own rotation: what was sealed under the version before still opens
    again = open_external_key((tmp_path / "external.key").read_text(), transit, where="test")
    vault.requests.clear()
    store = Store(StoreConfig(where), again)
    assert (await store.get("c3")) is not None
    assert [path for path, _ in vault.requests] == ["/v1/transit/decrypt/chartside"]
    later = dataclasses.replace(consultation, id="later", patient_key="p1:later")
    await store.save_consultation(later)
    await store.close()
    found = rows(where, "SELECT wrapped FROM data_keys ORDER BY owner")
    assert {bytes(wrapped).split(b":")[1] for (wrapped,) in found} == {b"v1", b"v2"}


async def test_a_store_moves_from_a_file_to_vault_with_its_pseudonyms(
    kept: Store,
    site_key: SiteKey,
    transit: VaultTransit,
    where: Path | str,
    tmp_path: Path,
    clock: Any,
) -> None:
    await kept.close()
    new = load_or_create_external_successor(tmp_path / "external.key", site_key, transit)
    with KeyOperations(StoreConfig(where), site_key) as key_operations:
        assert key_operations.rotate(new) == 2
    store = Store(StoreConfig(where), new, clock=clock)
    assert (await store.last_for_patient("p1:abc")) is not None
    await store.close()


async def test_a_wrapped_key_that_was_moved_is_told_from_a_vault_out_of_order(
    external: SiteKey, transit: VaultTransit, vault: TransitServer, where: Path | str,
    tmp_path: Path, consultation: Consultation, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("cds_hooks.audit.external_keys.key_wrapper._BACKOFF_S", 0.0)
    store = Store(StoreConfig(where), external)
    await store.save_consultation(consultation)
    await store.close()
    execute(where, "UPDATE data_keys SET owner = 'p1:other'")
    store = Store(
        StoreConfig(where),
        open_external_key((tmp_path / "external.key").read_text(), transit, where="test"),
    )
    with pytest.raises(RecordUnreadable, match="data key is damaged"):
        await store.get(consultation.id)
    vault.keys.clear()  # the transit key was deleted
    with pytest.raises(StoreUnavailable) as caught:
        await store.get(consultation.id)
    assert caught.value.reason == "key-vault"
    await store.close()


@pytest.mark.parametrize("fault", [403, 404, 429, 500, 503, "slow", "huge", "no json", "redirect"])
async def test_after_the_start_every_fault_of_vault_is_an_outage_and_ends_with_it(
    external: SiteKey, vault: TransitServer, where: Path | str, consultation: Consultation,
    monkeypatch: pytest.MonkeyPatch, fault: int | str,
) -> None:  # fmt: skip
    monkeypatch.setattr("cds_hooks.audit.external_keys.key_wrapper._BACKOFF_S", 0.0)
    store = Store(StoreConfig(where), external)
    vault.fault = fault
    with pytest.raises(StoreUnavailable) as caught:
        await store.save_consultation(consultation)
    assert caught.value.reason == "key-vault"
    assert not await store.writable()
    vault.fault = ""
    await store.check()
    await store.save_consultation(consultation)
    await store.close()


def test_at_the_start_a_refusal_names_what_to_do_and_an_outage_is_one(
    external: SiteKey,
    reach: KeyVaultSettings,
    vault: TransitServer,
    token_file: Path,
    tmp_path: Path,
) -> None:
    text = (tmp_path / "external.key").read_text()

    def opened() -> None:
        with closing(VaultTransit(reach)) as transit:
            open_external_key(text, transit, where="test")

    for fault, kind in ((403, KeyVaultRefused), (404, KeyVaultRefused), (503, StoreUnavailable)):
        vault.fault = fault
        with pytest.raises(kind):
            opened()
    vault.fault = ""
    token_file.chmod(0o644)
    with pytest.raises(KeyRefused, match="others may read the token"):
        opened()
    token_file.chmod(0o600)
    token_file.write_text("two\nlines")
    with pytest.raises(KeyVaultRefused, match="holds no token"):
        opened()


def test_a_token_that_was_renewed_is_read_again(
    transit: VaultTransit, vault: TransitServer, token_file: Path
) -> None:
    sealed = transit.encrypt(b"key", b"about")
    vault.tokens = {"hvs.another"}
    with pytest.raises(KeyVaultRefused) as caught:
        transit.decrypt(sealed, b"about")
    assert TOKEN not in caught.value.diagnostics()
    token_file.write_text("hvs.another")
    assert transit.decrypt(sealed, b"about") == b"key"


def test_only_the_authority_that_is_named_is_trusted(
    reach: KeyVaultSettings, vault: TransitServer, tmp_path: Path
) -> None:
    other = reach.model_copy(update={"authority": make_authority(tmp_path, "other")})
    with closing(VaultTransit(other)) as transit, pytest.raises(StoreUnavailable):
        transit.encrypt(b"key", b"about")
    assert vault.requests == []
    missing = reach.model_copy(update={"authority": tmp_path / "none.pem"})
    with pytest.raises(KeyVaultRefused, match="authority"):
        VaultTransit(missing)


def test_texts_are_bound_also_by_a_server_that_passes_over_them(
    transit: VaultTransit, vault: TransitServer
) -> None:
    vault.fault = "ignores associated data"
    sealed = transit.encrypt(b"key", b"about")
    assert transit.decrypt(sealed, b"about") == b"key"
    with pytest.raises(DecryptionFailed):
        transit.decrypt(sealed, b"other")
    for text in (b"", b"vault:v1:", b"vault:v0:AAAA", b"\xff" * 40, b"vault:v1:" + b"A" * 9000):
        with pytest.raises(DecryptionFailed):
            transit.decrypt(text, b"about")


def test_a_connection_that_vault_hung_up_is_made_anew(
    transit: VaultTransit, vault: TransitServer
) -> None:
    sealed = transit.encrypt(b"key", b"about")
    vault.fault = "hangs up once"
    assert transit.decrypt(sealed, b"about") == b"key"
    assert len(vault.requests) == 3


def test_a_vault_that_hangs_is_given_up(reach: KeyVaultSettings, vault: TransitServer) -> None:
    vault.fault = "slow"
    transit = VaultTransit(reach.model_copy(update={"timeout_s": 0.2}))
    with pytest.raises(StoreUnavailable):
        transit.encrypt(b"key", b"about")
    transit.close()


def test_the_service_may_speak_to_vault_and_to_nobody_else_for_it() -> None:
    section = KeyVaultSettings(address="https://vault.example.org:8200", authority=Path("ca.pem"))
    settings = Settings().model_copy(update={"key_vault": section})
    found = {str(d): d.setting for d in of_service(settings)}
    assert found["https://vault.example.org:8200"] == "key_vault.address"


@pytest.mark.parametrize(
    "change", [{"address": "http://v:8200"}, {"mount": "../x"}, {"key": "a/b"}, {"authority": ""}]
)
def test_settings_that_would_weaken_it_are_refused(change: dict[str, str]) -> None:
    sound = {"address": "https://v:8200", "authority": "ca.pem"}
    assert KeyVaultSettings.model_validate(sound).address
    with pytest.raises(ValueError):
        KeyVaultSettings.model_validate(sound | change)
