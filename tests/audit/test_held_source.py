"""A key that is held elsewhere: asked seldom, not believed at its first word, its file any text."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cds_hooks.audit import KeyRefused
from cds_hooks.audit.errors import StoreUnavailable
from cds_hooks.audit.held.opening import make_held, open_held
from cds_hooks.audit.held.source import Sample, Source
from cds_hooks.audit.held.transit import read_answer
from cds_hooks.audit.key_sources import find_site_key
from cds_hooks.audit.sealing import SealBroken
from cds_hooks.audit.sealing.aead import open_sealed, seal


class Faulty:
    """A holder with a real key, whose faults a test decides."""

    kind, reason = "pkcs11", "key-device"

    def __init__(self) -> None:
        self.key = secrets.token_bytes(32)
        self.asked = 0
        self.fault: Exception | None = None

    def encrypt(self, plain: bytes, about: bytes) -> bytes:
        self._ask()
        return seal(self.key, plain, about.hex())

    def decrypt(self, sealed: bytes, about: bytes) -> bytes:
        self._ask()
        return open_sealed(self.key, sealed, about.hex())

    def _ask(self) -> None:
        self.asked += 1
        if self.fault:
            raise self.fault


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def holder() -> Faulty:
    return Faulty()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(holder: Faulty, clock: Clock) -> Source:
    source = Source("id", holder, clock)
    source.open_first(Sample(source.wrap(b"sample", "first"), ("first",)))
    holder.asked = 0
    return source


def test_a_key_that_was_opened_lately_is_not_asked_for_again_until_it_is_forgotten(
    source: Source, holder: Faulty, clock: Clock
) -> None:
    wrapped = source.wrap(b"key", "data-key", "1")
    assert source.unwrap(wrapped, "data-key", "1") == b"key"
    assert holder.asked == 1
    clock.now += 301
    assert source.unwrap(wrapped, "data-key", "1") == b"key"
    assert source.unwrap(wrapped, "data-key", "1") == b"key"
    assert holder.asked == 2
    with pytest.raises(SealBroken):
        source.unwrap(wrapped, "data-key", "2")
    for n in range(600):
        source.wrap(b"key", str(n))
    assert len(source._known) == 512


def test_a_holder_that_fails_rests_and_is_asked_again_afterwards(
    source: Source, holder: Faulty, clock: Clock
) -> None:
    wrapped = source.wrap(b"key", "1")
    clock.now += 301
    holder.fault, holder.asked = StoreUnavailable("key-device"), 0
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            source.unwrap(wrapped, "1")
        with pytest.raises(StoreUnavailable):
            source.require()
    assert holder.asked == 1
    holder.fault = None
    clock.now += 3
    source.require()
    assert source.unwrap(wrapped, "1") == b"key"


def test_the_holder_is_asked_once_a_minute_whether_it_is_there(
    source: Source, holder: Faulty, clock: Clock
) -> None:
    source.require()
    assert holder.asked == 0
    clock.now += 61
    source.require()
    source.require()
    assert holder.asked == 1


def test_a_holder_with_another_key_is_out_of_order_and_no_record_is_called_damaged(
    source: Source, holder: Faulty, clock: Clock
) -> None:
    wrapped = source.wrap(b"key", "1")
    clock.now += 301
    holder.key = secrets.token_bytes(32)
    with pytest.raises(StoreUnavailable) as caught:
        source.unwrap(wrapped, "1")
    assert caught.value.reason == "key-device"


def test_after_the_start_a_refusal_is_an_outage(source: Source, holder: Faulty) -> None:
    holder.fault = KeyRefused("a person has to look")
    with pytest.raises(StoreUnavailable):
        source.wrap(b"key", "1")
    with pytest.raises(KeyRefused):
        Source("id", holder).wrap(b"key", "1")


def test_a_key_whose_holder_no_setting_names_is_refused_by_its_kind(tmp_path: Path) -> None:
    make_held(tmp_path / "held.key", Faulty())
    with pytest.raises(KeyRefused, match="held by pkcs11") as caught:
        find_site_key(tmp_path / "held.key", {})
    assert "key_device" in caught.value.hint


def test_no_part_of_a_key_is_in_the_repr_of_its_source(source: Source) -> None:
    source.wrap(b"key", "1")
    assert repr(source) == "Source(key_id='id', holder='pkcs11')"


def test_a_file_whose_key_id_was_changed_does_not_open(tmp_path: Path) -> None:
    holder = Faulty()
    key = make_held(tmp_path / "held.key", holder)
    text = (tmp_path / "held.key").read_text().replace(key.key_id, "0" * 16)
    with pytest.raises(KeyRefused, match="not this site key's"):
        open_held(text, holder, where="test")


@given(st.text() | st.text().map("held/1 pkcs11 {}".format))
@example("held/1 pkcs11 0123456789abcdef\nidentity/1 " + "00" * 92)
@example("held/1 vault 0123456789abcdef\nidentity/1 00")
@example("held/1 pkcs11 0123456789abcdef\nidentity/1 zz")
def test_any_text_of_a_held_key_is_refused_by_code(text: str) -> None:
    with pytest.raises(KeyRefused) as caught:
        open_held(text, Faulty(), where="test")
    assert caught.value.code == "site-key-refused"


_JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
)


@given(st.binary() | _JSON.map(lambda value: json.dumps({"data": value}).encode()))
@example(b"[" * 100_000)
@example(b'{"data": {"plaintext": 1}}')
def test_any_answer_of_vault_is_a_mapping(raw: bytes) -> None:
    assert isinstance(read_answer(raw), dict)
