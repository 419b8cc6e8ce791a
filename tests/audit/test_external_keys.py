"""An external site key: cached, checked after a fault, and its file any text."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cds_hooks.audit import KeyRefused
from cds_hooks.audit.encryption import DecryptionFailed
from cds_hooks.audit.encryption.aead import open_sealed, seal
from cds_hooks.audit.external_keys.key_file import create_external_key, open_external_key
from cds_hooks.audit.external_keys.key_wrapper import ExternalKeyWrapper, KeyCheck
from cds_hooks.audit.external_keys.vault import read_answer
from cds_hooks.audit.site_key_lookup import find_site_key
from cds_hooks.audit.store_errors import StoreUnavailable


class Faulty:
    """A key provider with a real key, whose faults a test decides."""

    kind, reason = "pkcs11", "key-device"

    def __init__(self) -> None:
        self.key = secrets.token_bytes(32)
        self.asked = 0
        self.fault: Exception | None = None

    def encrypt(self, plain: bytes, associated_data: bytes) -> bytes:
        self._ask()
        return seal(self.key, plain, associated_data.hex())

    def decrypt(self, sealed: bytes, associated_data: bytes) -> bytes:
        self._ask()
        return open_sealed(self.key, sealed, associated_data.hex())

    def _ask(self) -> None:
        self.asked += 1
        if self.fault:
            raise self.fault


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Faulty:
    return Faulty()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wrapper(provider: Faulty, clock: Clock) -> ExternalKeyWrapper:
    wrapper = ExternalKeyWrapper("id", provider, clock)
    wrapper.check(KeyCheck(wrapper.wrap(b"sample", "first"), ("first",)))
    provider.asked = 0
    return wrapper


def test_a_key_that_was_opened_lately_is_not_asked_for_again_until_it_is_forgotten(
    wrapper: ExternalKeyWrapper, provider: Faulty, clock: Clock
) -> None:
    wrapped = wrapper.wrap(b"key", "data-key", "1")
    assert wrapper.unwrap(wrapped, "data-key", "1") == b"key"
    assert provider.asked == 1
    clock.now += 301
    assert wrapper.unwrap(wrapped, "data-key", "1") == b"key"
    assert wrapper.unwrap(wrapped, "data-key", "1") == b"key"
    assert provider.asked == 2
    with pytest.raises(DecryptionFailed):
        wrapper.unwrap(wrapped, "data-key", "2")
    for n in range(600):
        wrapper.wrap(b"key", str(n))
    assert len(wrapper._cache) == 512


def test_a_provider_that_fails_rests_and_is_asked_again_afterwards(
    wrapper: ExternalKeyWrapper, provider: Faulty, clock: Clock
) -> None:
    wrapped = wrapper.wrap(b"key", "1")
    clock.now += 301
    provider.fault, provider.asked = StoreUnavailable("key-device"), 0
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            wrapper.unwrap(wrapped, "1")
        with pytest.raises(StoreUnavailable):
            wrapper.require()
    assert provider.asked == 1
    provider.fault = None
    clock.now += 3
    wrapper.require()
    assert wrapper.unwrap(wrapped, "1") == b"key"


def test_the_provider_is_asked_once_a_minute_whether_it_is_there(
    wrapper: ExternalKeyWrapper, provider: Faulty, clock: Clock
) -> None:
    wrapper.require()
    assert provider.asked == 0
    clock.now += 61
    wrapper.require()
    wrapper.require()
    assert provider.asked == 1


def test_a_provider_with_another_key_is_out_of_order_and_no_record_is_called_damaged(
    wrapper: ExternalKeyWrapper, provider: Faulty, clock: Clock
) -> None:
    wrapped = wrapper.wrap(b"key", "1")
    clock.now += 301
    provider.key = secrets.token_bytes(32)
    with pytest.raises(StoreUnavailable) as caught:
        wrapper.unwrap(wrapped, "1")
    assert caught.value.reason == "key-device"


def test_after_the_start_a_refusal_is_an_outage(
    wrapper: ExternalKeyWrapper, provider: Faulty
) -> None:
    provider.fault = KeyRefused("a person has to look")
    with pytest.raises(StoreUnavailable):
        wrapper.wrap(b"key", "1")
    with pytest.raises(KeyRefused):
        ExternalKeyWrapper("id", provider).wrap(b"key", "1")


def test_a_key_whose_provider_no_setting_names_is_refused_by_its_kind(tmp_path: Path) -> None:
    create_external_key(tmp_path / "external.key", Faulty())
    with pytest.raises(KeyRefused, match="is in pkcs11") as caught:
        find_site_key(tmp_path / "external.key", {})
    assert "key_device" in caught.value.hint


def test_no_part_of_a_key_is_in_the_repr_of_its_wrapper(wrapper: ExternalKeyWrapper) -> None:
    wrapper.wrap(b"key", "1")
    assert repr(wrapper) == "ExternalKeyWrapper(key_id='id', provider='pkcs11')"


def test_a_file_whose_key_id_was_changed_does_not_open(tmp_path: Path) -> None:
    provider = Faulty()
    key = create_external_key(tmp_path / "external.key", provider)
    text = (tmp_path / "external.key").read_text().replace(key.key_id, "0" * 16)
    with pytest.raises(KeyRefused, match="not this site key's"):
        open_external_key(text, provider, where="test")


@given(st.text() | st.text().map("external-key/1 pkcs11 {}".format))
@example("external-key/1 pkcs11 0123456789abcdef\nidentity/1 " + "00" * 92)
@example("external-key/1 vault 0123456789abcdef\nidentity/1 00")
@example("external-key/1 pkcs11 0123456789abcdef\nidentity/1 zz")
def test_any_text_of_an_external_key_is_refused_by_code(text: str) -> None:
    with pytest.raises(KeyRefused) as caught:
        open_external_key(text, Faulty(), where="test")
    assert caught.value.code == "site-key-refused"


_JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
)


@given(st.binary() | _JSON.map(lambda value: json.dumps({"data": value}).encode()))
@example(b"[" * 100_000)
@example(b'{"data": {"plaintext": 1}}')
def test_any_answer_of_vault_is_a_mapping(raw: bytes) -> None:
    assert isinstance(read_answer(raw), dict)
