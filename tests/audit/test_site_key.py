"""The site key's file and the pseudonyms made with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.audit import KeyRefused, SiteKey

KEY = SiteKey(bytes(range(32)))
OTHER = SiteKey(bytes(range(1, 33)))


def test_a_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "site.key"
    made = SiteKey.load(path, create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    again = SiteKey.load(path, create=True)
    assert again.key_id == made.key_id
    assert again.patient_key("p") == made.patient_key("p")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "site.key"
    SiteKey.load(path, create=True)
    path.chmod(mode)
    with pytest.raises(KeyRefused, match="group or others") as caught:
        SiteKey.load(path)
    assert str(path) in caught.value.diagnostics()


@pytest.mark.parametrize("content", [b"", b"zz", b"00" * 31, b"00" * 33, b"\xff" * 64])
def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "site.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyRefused) as caught:
        SiteKey.load(path)
    assert caught.value.code == "site-key-refused"
    assert "0000" not in caught.value.diagnostics()


def test_a_missing_key_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(KeyRefused, match="cannot be read"):
            SiteKey.load(path)


def test_the_secret_is_not_in_repr_or_attributes() -> None:
    secret = bytes(range(32)).hex()
    assert secret not in repr(KEY)
    assert all(secret not in str(value) for value in vars(KEY).values())


@given(st.text(), st.text())
def test_a_pseudonym_is_stable_keyed_and_says_nothing(patient: str, server: str) -> None:
    key = KEY.patient_key(patient, fhir_server=server)
    assert re.fullmatch(r"p1:[0-9a-f]{64}", key)
    assert key == KEY.patient_key(patient, fhir_server=server)
    assert key != OTHER.patient_key(patient, fhir_server=server)


def test_the_same_id_on_two_servers_is_two_patients() -> None:
    one = KEY.patient_key("1", fhir_server="https://a.example/fhir")
    assert one == KEY.patient_key("1", fhir_server="https://a.example/fhir/")
    assert one != KEY.patient_key("1", fhir_server="https://b.example/fhir")


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_two_lists_of_parts_share_a_digest_only_if_equal(a: list[str], b: list[str]) -> None:
    assert (KEY.digest("x", *a) == KEY.digest("x", *b)) == (a == b)


def test_purposes_do_not_mix() -> None:
    assert KEY.digest("feedback", "a") != KEY.digest("card-summary", "a")
    assert KEY.digest("", "a")[3:] != KEY.patient_key("a")[3:]
