"""Bytes as text, and what is no text."""

from __future__ import annotations

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping.input.charsets import NotText, text_from_bytes

GERMAN = "Kein Fieber, Übelkeit seit gestern. Größe 180 cm."
JAPANESE = "発熱なし。昨日から咳嗽あり。胸部X線で浸潤影。"


@pytest.mark.parametrize(
    ("text", "encoding", "label"),
    [
        ("No fever.", "ascii", ""),
        (GERMAN, "utf-8", ""),
        (GERMAN, "utf-8-sig", ""),
        (GERMAN, "utf-16", ""),
        (GERMAN, "utf-16-le", "utf-16-le"),
        (GERMAN, "utf-32", ""),
        (GERMAN, "cp1252", ""),
        (GERMAN, "latin-1", "iso-8859-1"),
        (GERMAN, "cp1252", "utf-8"),
        (GERMAN, "utf-8", "iso-8859-1"),
        (GERMAN, "utf-8", "utf-16"),
        (GERMAN, "utf-8", "no-such-charset"),
        (JAPANESE, "shift_jis", "Shift_JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (JAPANESE, "iso2022_jp", "ISO-2022-JP"),
        (JAPANESE, "utf-8", "shift_jis"),
        (JAPANESE, "utf-16-le", "utf-16le"),
    ],
)
def test_text_is_read_in_the_charset_it_is_in(text: str, encoding: str, label: str) -> None:
    assert text_from_bytes(text.encode(encoding), label) == text


@pytest.mark.parametrize(
    ("data", "label"),
    [
        (gzip.compress(b"fever and cough", mtime=0), ""),
        (zlib.compress(b"fever and cough " * 9), ""),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ""),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "utf-8"),
        (bytes(range(256)), ""),
        (JAPANESE.encode("shift_jis"), ""),
        (JAPANESE.encode("euc_jp"), "utf-8"),
        (JAPANESE.encode("shift_jis"), "base64"),
        (b"\xff\xfeodd", ""),
    ],
)
def test_what_is_no_text_in_a_charset_known_is_refused(data: bytes, label: str) -> None:
    with pytest.raises(NotText):
        text_from_bytes(data, label)


@pytest.mark.parametrize(("stray", "read"), [(0, True), (1, True), (2, True), (3, False)])
def test_a_damaged_character_in_a_hundred_is_borne(stray: int, read: bool) -> None:
    data = b"a" * (200 - stray) + b"\x01" * stray
    if read:
        assert len(text_from_bytes(data)) == 200
    else:
        with pytest.raises(NotText):
            text_from_bytes(data)


@pytest.mark.parametrize(("foreign", "read"), [(2, True), (3, True), (4, False)])
def test_windows_1252_is_assumed_only_of_mostly_ascii_letters(foreign: int, read: bool) -> None:
    data = b"a" * (10 - foreign) + b"\xe4" * foreign
    if read:
        assert text_from_bytes(data) == "a" * (10 - foreign) + "ä" * foreign
    else:
        with pytest.raises(NotText):
            text_from_bytes(data)


@given(st.binary(max_size=400), st.text(max_size=20))
def test_any_bytes_and_any_label_are_text_or_are_refused(data: bytes, label: str) -> None:
    with contextlib.suppress(NotText):
        assert isinstance(text_from_bytes(data, label), str)


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=200))
def test_utf_8_is_read_as_it_is(text: str) -> None:
    assert text_from_bytes(text.encode(), "") == text.removeprefix("\ufeff")
