"""A site key in a PKCS#11 device: the whole store with SoftHSM, and all that may be wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import KeyRefused, RecordUnreadable, SiteKey, Store, StoreConfig, StoreRefused
from cds_hooks.audit.encryption import DecryptionFailed
from cds_hooks.audit.encryption.rotation import load_or_create_successor
from cds_hooks.audit.external_keys.key_file import (
    create_external_key,
    load_or_create_external_successor,
    open_external_key,
)
from cds_hooks.audit.external_keys.key_settings import KeyDeviceSettings
from cds_hooks.audit.external_keys.pkcs11_device import KeyDeviceRefused, Pkcs11Device
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.store_errors import RecordErased, StoreUnavailable
from cds_hooks.consultation import Consultation
from cds_hooks.protocol.cards import Card
from cds_hooks.settings import Settings
from cds_hooks.settings.store_requirements import record_lacks
from tests.audit.ledger_events import SENTINEL, events
from tests.audit.tampering import execute, rows
from tests.softhsm import PIN, SoftHsm, SoftHsmMissing

Make = Callable[..., Card]
ROOT = Path(__file__).resolve().parents[2]
TOKEN, KEY = "ward", "chartside"


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    """A device with one empty token."""
    monkeypatch.setenv("SOFTHSM2_CONF", "")
    try:
        hsm = SoftHsm(tmp_path / "hsm")
    except SoftHsmMissing as missing:
        pytest.skip(f"no PKCS#11 device to test against: {missing}")
    hsm.new_token(TOKEN)
    return hsm


@pytest.fixture
def pin_file(tmp_path: Path) -> Path:
    file = tmp_path / "pin"
    file.write_text(f"{PIN}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def reach(hsm: SoftHsm, pin_file: Path) -> KeyDeviceSettings:
    """How to reach it."""
    return KeyDeviceSettings(module=hsm.module, token=TOKEN, key=KEY, pin_file=pin_file)


@pytest.fixture
def device(reach: KeyDeviceSettings) -> Iterator[Pkcs11Device]:
    """It, with the key in it."""
    device = Pkcs11Device(reach)
    device.create_key()
    yield device
    device.close()


@pytest.fixture
def external(device: Pkcs11Device, tmp_path: Path) -> SiteKey:
    return create_external_key(tmp_path / "external.key", device)


def _open_again(file: Path, reach: KeyDeviceSettings) -> SiteKey:
    return open_external_key(file.read_text(), Pkcs11Device(reach), where=str(file))


# --- the store --------------------------------------------------------------------------------


async def test_records_are_sealed_under_the_device_and_read_after_a_restart(
    external: SiteKey, reach: KeyDeviceSettings, hsm: SoftHsm, where: Path | str, tmp_path: Path,
    consultation: Consultation, card: Make,
) -> None:  # fmt: skip
    one = dataclasses.replace(consultation, samples=(SENTINEL,))
    store = Store(StoreConfig(where), external)
    await store.open()
    await store.save_consultation(one, [card("card-1")])
    await store.check()
    assert await store.get(one.id) == one
    await store.close()
    assert {by for (by,) in rows(where, "SELECT wrapped_by FROM data_keys")} == {external.key_id}
    ((payload,),) = rows(where, "SELECT payload FROM consultations")
    assert SENTINEL.encode() not in bytes(payload)
    text = (tmp_path / "external.key").read_text()
    assert (tmp_path / "external.key").stat().st_mode & 0o777 == 0o600
    assert text.startswith(f"external-key/1 pkcs11 {external.key_id}\n")
    hsm.look_again()  # as a new process finds the device
    again = _open_again(tmp_path / "external.key", reach)
    assert again.key_id == external.key_id
    assert again.patient_key("1") == external.patient_key("1")
    store = Store(StoreConfig(where), again)
    assert await store.get(one.id) == one
    await store.close()


async def test_a_wrapped_key_that_was_changed_or_moved_is_told_from_a_device_out_of_order(
    external: SiteKey, reach: KeyDeviceSettings, where: Path | str, tmp_path: Path,
    consultation: Consultation,
) -> None:  # fmt: skip
    store = Store(StoreConfig(where), external)
    for name in ("a", "b"):
        one = dataclasses.replace(consultation, id=name, key=name, patient_key=f"p1:{name}")
        await store.save_consultation(one)
    await store.close()
    ((wrapped,),) = rows(where, "SELECT wrapped FROM data_keys WHERE owner = 'p1:a'")
    changed = bytes(wrapped)[:-1] + bytes([bytes(wrapped)[-1] ^ 1])
    execute(where, "UPDATE data_keys SET wrapped = :w WHERE owner = 'p1:a'", w=changed)
    execute(where, "UPDATE data_keys SET owner = 'p1:c' WHERE owner = 'p1:b'")
    store = Store(StoreConfig(where), _open_again(tmp_path / "external.key", reach))
    for name in ("a", "b"):
        with pytest.raises(RecordUnreadable, match="data key is damaged"):
            await store.get(name)
    await store.check()
    await store.close()


async def test_a_device_that_is_gone_makes_the_store_unavailable_and_one_that_is_back_serves(
    external: SiteKey, hsm: SoftHsm, where: Path | str, consultation: Consultation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("cds_hooks.audit.external_keys.key_wrapper._BACKOFF_S", 0.0)
    store = Store(StoreConfig(where), external)
    hsm.tokens.rename(hsm.tokens.with_name("away"))
    hsm.tokens.mkdir()
    hsm.look_again()
    with pytest.raises(StoreUnavailable) as caught:
        await store.save_consultation(consultation)
    assert caught.value.reason == "key-device"
    assert not await store.writable()
    assert rows(where, "SELECT id FROM consultations") == []
    assert rows(where, "SELECT id FROM data_keys") == []
    hsm.tokens.rmdir()
    hsm.tokens.with_name("away").rename(hsm.tokens)
    await store.check()
    await store.save_consultation(consultation)
    assert await store.get(consultation.id) == consultation
    await store.close()


async def test_an_erased_patient_is_not_read_by_a_data_key_that_is_remembered(
    external: SiteKey, where: Path | str, consultation: Consultation
) -> None:
    store = Store(StoreConfig(where), external)
    await store.save_consultation(consultation)
    assert await store.get(consultation.id) == consultation
    with KeyOperations(StoreConfig(where), external) as key_operations:
        assert len(key_operations.erase(consultation.patient_key).records.keys) == 1
    with pytest.raises(RecordErased):
        await store.get(consultation.id)
    await store.close()


def test_many_threads_share_the_device(
    external: SiteKey, reach: KeyDeviceSettings, tmp_path: Path
) -> None:
    key = _open_again(tmp_path / "external.key", reach)
    wrapped = {n: external.wrap(bytes([n]) * 32, "data-key", str(n)) for n in range(40)}
    with ThreadPoolExecutor(8) as pool:
        opened = pool.map(lambda n: key.unwrap(wrapped[n], "data-key", str(n)), wrapped)
        assert list(opened) == [bytes([n]) * 32 for n in wrapped]
    with pytest.raises(DecryptionFailed):
        key.unwrap(wrapped[1], "data-key", "2")


# --- rotation ---------------------------------------------------------------------------------


async def test_a_store_moves_from_a_file_into_the_device_to_another_key_of_it_and_back(
    kept: Store, site_key: SiteKey, device: Pkcs11Device, reach: KeyDeviceSettings,
    where: Path | str,
    tmp_path: Path, clock: Any,
) -> None:  # fmt: skip
    await kept.close()
    config = StoreConfig(where)
    external = load_or_create_external_successor(tmp_path / "external.key", site_key, device)
    other = Pkcs11Device(reach.model_copy(update={"key": "chartside-2"}))
    other.create_key()
    steps = [
        external,
        load_or_create_external_successor(tmp_path / "external-2.key", external, other),
    ]
    steps.append(load_or_create_successor(tmp_path / "back.key", steps[-1]))
    old = site_key
    for new in steps:
        with KeyOperations(config, old) as key_operations:
            assert key_operations.rotate(new) == 2
        with KeyOperations(config, old) as key_operations, pytest.raises(StoreRefused):
            key_operations.active_holds()
        assert new.has_identity_of(site_key)
        assert new.patient_key("1") == site_key.patient_key("1")
        store = Store(config, new, clock=clock)
        assert (await store.last_for_patient("p1:abc")) is not None
        assert len(await store.feedback_for("of-other")) == 1
        await store.close()
        old = new
    # The same file again is the same key, as after a run that was killed.
    assert (
        load_or_create_external_successor(tmp_path / "external.key", site_key, device).key_id
        == external.key_id
    )
    assert len(events(where, "site-key-rotated")) == 3


def test_a_file_of_another_site_or_another_device_key_is_refused(
    external: SiteKey,
    device: Pkcs11Device,
    reach: KeyDeviceSettings,
    site_key: SiteKey,
    tmp_path: Path,
) -> None:
    with pytest.raises(KeyRefused, match="no successor"):
        load_or_create_external_successor(tmp_path / "external.key", site_key, device)
    other = reach.model_copy(update={"key": "chartside-2"})
    Pkcs11Device(other).create_key()
    with pytest.raises(KeyRefused, match="not this site key's"):
        _open_again(tmp_path / "external.key", other)
    with pytest.raises(KeyRefused, match="a file already"):
        create_external_key(tmp_path / "external.key", device)
    with pytest.raises(KeyRefused, match="not in this file"):
        SiteKey.load(tmp_path / "external.key")


# --- what may be wrong ------------------------------------------------------------------------


def _refusal(reach: KeyDeviceSettings) -> KeyDeviceRefused:
    with pytest.raises(KeyDeviceRefused) as caught:
        Pkcs11Device(reach).encrypt(b"x", b"")
    assert PIN not in caught.value.diagnostics()
    assert caught.value.hint
    return caught.value


def test_a_refused_pin_is_tried_once_and_not_by_the_next_start_either(
    external: SiteKey, reach: KeyDeviceSettings, pin_file: Path, tmp_path: Path, hsm: SoftHsm
) -> None:
    hsm.look_again()
    pin_file.write_text("wrong-pin-0815")
    device = Pkcs11Device(reach)
    with pytest.raises(KeyDeviceRefused, match="the PIN was refused"):
        device.encrypt(b"x", b"")
    pin_file.write_text(PIN)
    with pytest.raises(KeyDeviceRefused, match="the PIN was refused"):
        device.encrypt(b"x", b"")
    assert "was refused before" in _refusal(reach).message
    person = Pkcs11Device(reach, despite_refusals=True)
    assert person.decrypt(person.encrypt(b"x", b"a"), b"a") == b"x"
    person.close()
    assert _open_again(tmp_path / "external.key", reach).key_id == external.key_id


def test_a_token_a_key_or_a_module_that_is_missing_is_named(
    device: Pkcs11Device, reach: KeyDeviceSettings, tmp_path: Path
) -> None:
    assert "no token" in _refusal(reach.model_copy(update={"token": "other"})).message
    missing = _refusal(reach.model_copy(update={"key": "other"}))
    assert "no key" in missing.message
    assert missing.where == f"{TOKEN}/other"
    assert (
        "no such module"
        in _refusal(reach.model_copy(update={"module": tmp_path / "none.so"})).message
    )
    with pytest.raises(KeyDeviceRefused, match="already"):
        Pkcs11Device(reach).create_key()


def test_a_device_that_cannot_even_begin_is_away_and_no_key_is_called_wrong(
    external: SiteKey, device: Pkcs11Device, reach: KeyDeviceSettings, hsm: SoftHsm, tmp_path: Path
) -> None:
    import pkcs11

    device.close()
    hsm.tokens.rename(hsm.tokens.with_name("away"))
    pkcs11.lib(str(hsm.module)).finalize()  # SoftHSM does not begin without its folder
    with pytest.raises(StoreUnavailable) as caught:
        _open_again(tmp_path / "external.key", reach)
    assert caught.value.reason == "key-device"
    hsm.tokens.with_name("away").rename(hsm.tokens)
    assert _open_again(tmp_path / "external.key", reach).key_id == external.key_id


def test_a_module_that_others_may_change_is_not_loaded(
    reach: KeyDeviceSettings, tmp_path: Path
) -> None:
    copy = tmp_path / "module.so"
    copy.write_bytes(reach.module.read_bytes())
    copy.chmod(0o666)
    assert "others may change" in _refusal(reach.model_copy(update={"module": copy})).message


def _rsa(session: Any, p11: Any) -> None:
    session.generate_keypair(p11.KeyType.RSA, 2048, label=KEY, store=True)


def _aes(bits: int, **template: Any) -> Callable[[Any, Any], None]:
    def make(session: Any, p11: Any) -> None:
        given = {"SENSITIVE": True, "EXTRACTABLE": False} | template
        attributes = {p11.Attribute[name]: value for name, value in given.items()}
        session.generate_key(p11.KeyType.AES, bits, label=KEY, store=True, template=attributes)

    return make


def _generic(session: Any, p11: Any) -> None:
    template = {p11.Attribute.SENSITIVE: True, p11.Attribute.EXTRACTABLE: False}
    kind = p11.KeyType.GENERIC_SECRET
    session.generate_key(kind, 256, label=KEY, store=True, template=template)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_rsa, "several objects"),
        (_generic, "another kind (KEY_TYPE)"),
        (_aes(128), "another kind (VALUE_LEN)"),
        (_aes(256, EXTRACTABLE=True), "another kind (EXTRACTABLE)"),
        (_aes(256, SENSITIVE=False), "another kind (SENSITIVE)"),
        (_aes(256, DECRYPT=False), "another kind (DECRYPT)"),
    ],
)
def test_a_key_of_the_wrong_kind_is_refused(
    reach: KeyDeviceSettings, hsm: SoftHsm, make: Callable[[Any, Any], None], told: str
) -> None:
    import pkcs11

    session = hsm.session(TOKEN)
    make(session, pkcs11)
    session.close()
    assert told in _refusal(reach).message


def test_a_pin_that_others_may_read_is_refused_and_a_credential_is_taken(
    device: Pkcs11Device, reach: KeyDeviceSettings, pin_file: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pin_file.chmod(0o640)
    with pytest.raises(KeyRefused, match="others may read the PIN"):
        Pkcs11Device(reach).encrypt(b"x", b"")
    without = reach.model_copy(update={"pin_file": None})
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(KeyRefused, match="the PIN is nowhere"):
        Pkcs11Device(without).encrypt(b"x", b"")
    (tmp_path / "chartside-device-pin").write_text(PIN)
    (tmp_path / "chartside-device-pin").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    opened = Pkcs11Device(without)
    assert opened.decrypt(opened.encrypt(b"x", b""), b"") == b"x"
    opened.close()


def test_without_the_extra_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    reach = KeyDeviceSettings(
        module=tmp_path / "module.so", token=TOKEN, key=KEY, pin_file=tmp_path / "pin"
    )
    assert "chartside[pkcs11]" in _refusal(reach).hint


# --- settings and commands --------------------------------------------------------------------


@pytest.fixture
def told(hsm: SoftHsm, pin_file: Path, tmp_path: Path) -> Path:
    """A settings file with the device."""
    file = tmp_path / "chartside.toml"
    file.write_text(
        f'[store]\npath = "{tmp_path}/db/records.sqlite"\nsite_key = "{tmp_path}/k/site.key"\n'
        f'[key_device]\nmodule = "{hsm.module}"\ntoken = "{TOKEN}"\nkey = "{KEY}"\n'
        f'pin_file = "{pin_file}"\n'
    )
    return file


def _run(settings: Path, *words: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "cds_hooks", "audit", *words, "--json"]
    command += ["--config", str(settings)]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=dict(os.environ), check=False)
    return done.returncode, json.loads(done.stdout)


def _change(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.slow
async def test_by_commands_a_site_moves_its_store_into_the_device(
    told: Path, tmp_path: Path, consultation: Consultation
) -> None:
    old = SiteKey.load(tmp_path / "k" / "site.key", create=True)
    store = Store(StoreConfig(tmp_path / "db" / "records.sqlite"), old)
    await store.save_consultation(consultation)
    await store.close()
    new = tmp_path / "k" / "external.key"
    assert _run(told, "device-key")[0] == 0
    code, answer = _run(told, "rotate", "--new-key", str(new), "--key-provider", "pkcs11")
    assert (code, answer["keys"]) == (0, 1)
    _change(told, "k/site.key", "k/external.key")
    code, answer = _run(told, "key")
    assert (code, answer["provider"], answer["origin"]) == (0, "pkcs11", "file")
    code, answer = _run(told, "check")
    assert (code, answer["opened"]) == (0, 1)
    _change(told, f'key = "{KEY}"', 'key = "none"')
    code, answer = _run(told, "check")
    assert (code, answer["error"]["code"]) == (1, "key-device-refused")


def test_production_takes_an_external_key_and_refuses_a_device_that_is_set_and_not_used(
    external: SiteKey, reach: KeyDeviceSettings, pin_file: Path, tmp_path: Path
) -> None:
    from cds_hooks.runtime.records import site_key

    (tmp_path / "k").mkdir(mode=0o700)
    (tmp_path / "external.key").rename(tmp_path / "k" / "external.key")
    section = KeyDeviceSettings(module=reach.module, token=TOKEN, key=KEY, pin_file=pin_file)
    store = Settings().store.model_copy(
        update={"path": str(tmp_path / "db"), "site_key": tmp_path / "k" / "external.key"}
    )
    told = {"profile": "production", "store": store, "key_device": section}
    settings = Settings().model_copy(update=told)
    assert list(record_lacks(settings, {})) == []
    assert site_key(settings, create=True).key_id == external.key_id
    SiteKey.load(tmp_path / "k" / "site.key", create=True)
    store = store.model_copy(update={"site_key": tmp_path / "k" / "site.key"})
    unused = settings.model_copy(update={"store": store})
    assert site_key(unused)  # a command may: it is how the key is rotated
    with pytest.raises(KeyRefused, match="a key provider is set"):
        site_key(unused, create=True)
