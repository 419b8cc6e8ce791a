"""What an attachment holds is told by its bytes; what is not text is never shown."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfWriter

from fhir_mapping.input.attachments import NoText, text_of
from fhir_mapping.input.resource_index import ResourceIndex

NOTE = b"History: fever and cough for three days."
EMPTY = ResourceIndex([])


def read(data: bytes, content_type: str) -> str:
    encoded = base64.b64encode(data).decode()
    return text_of({"contentType": content_type, "data": encoded}, EMPTY)[0]


def blank_pdf() -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    writer.add_blank_page(72, 72)
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (NOTE, "text/plain"),
        (NOTE, "text/plain; charset=utf-8"),
        (NOTE, 'Text/Plain;charset="ISO-8859-1"'),
        (NOTE, ""),
        (gzip.compress(NOTE, mtime=0), "text/plain"),
        (gzip.compress(NOTE, mtime=0), "application/gzip"),
        (gzip.compress(b"<p>History: fever and cough for three days.</p>", mtime=0), "text/html"),
        (b"{\\rtf1\\ansi History: fever and cough for three days.}", "text/plain"),
        (NOTE.decode().encode("utf-16"), "text/plain; charset=utf-16"),
    ],
)
def test_text_is_read_whatever_it_is_packed_in(data: bytes, content_type: str) -> None:
    assert read(data, content_type).strip() == NOTE.decode()


@pytest.mark.parametrize(
    ("data", "content_type", "reason"),
    [
        (gzip.compress(NOTE, mtime=0)[:-9], "text/plain", "attachment-broken"),
        (b"\x1f\x8b" + NOTE, "text/plain", "attachment-broken"),
        (gzip.compress(b"\0" * (4 * 1024 * 1024 + 1), mtime=0), "text/plain",
         "attachment-too-large"),
        (gzip.compress(gzip.compress(NOTE, mtime=0), mtime=0), "text/plain",
         "attachment-not-text"),
        (zlib.compress(NOTE * 9), "text/plain", "attachment-not-text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "text/plain", "attachment-not-text"),
        (b"PK\x03\x04" + bytes(range(200)), "text/html", "attachment-not-text"),
        (blank_pdf(), "text/plain", "attachment-without-text"),
        ("発熱なし。".encode("shift_jis"), "text/plain", "attachment-not-text"),
        (b"MSH|^~\\&|A|B|C|D|2020||ORU^R01|1|P|2.3", "text/plain", "unsupported-attachment"),
        (b"<?xml version='1.0'?><ClinicalDocument/>", "text/plain", "unsupported-attachment"),
        (b'{"resourceType":"Bundle"}', "application/octet-stream", "unsupported-attachment"),
        (NOTE, "image/png", "signal-or-image"),
        (NOTE, "application/dicom", "unsupported-attachment"),
        (b"", "text/plain", "attachment-elsewhere"),
    ],
)  # fmt: skip
def test_what_is_not_text_is_refused_with_a_reason(
    data: bytes, content_type: str, reason: str
) -> None:
    with pytest.raises(NoText) as caught:
        read(data, content_type)
    assert caught.value.reason == reason


def test_a_gzip_of_just_the_largest_size_is_read() -> None:
    text = b"a " * (2 * 1024 * 1024)
    assert len(read(gzip.compress(text, mtime=0), "text/plain")) == len(text)


@given(st.binary(max_size=200), st.sampled_from(["text/plain", "text/html", "", "text/rtf"]),
       st.booleans())  # fmt: skip
def test_any_bytes_are_text_or_refused(data: bytes, content_type: str, packed: bool) -> None:
    sent: dict[str, Any] = {
        "contentType": content_type,
        "data": base64.b64encode(gzip.compress(data) if packed else data).decode(),
    }
    with contextlib.suppress(NoText):
        assert isinstance(text_of(sent, EMPTY)[0], str)


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"<p>No fever.</p><script>x()</script>", "text/plain"),
        (b"<!DOCTYPE html><html><body>No fever.</body></html>", ""),
        (b"<?xml version='1.0'?><html><body>No fever.</body></html>", "text/plain"),
        (b"<?xml version='1.0'?><html><body>No fever.</body></html>", "application/xhtml+xml"),
        (b"<div xmlns='http://www.w3.org/1999/xhtml'>No fever.</div>", "text/plain"),
        (b"No fever.", "application/octet-stream"),
    ],
)
def test_markup_is_told_by_how_it_begins(data: bytes, content_type: str) -> None:
    assert read(data, content_type).strip() == "No fever."


def test_a_comparison_is_no_markup() -> None:
    assert read(b"<90 mmHg systolic", "text/plain") == "<90 mmHg systolic"


TEXT = "Fieber über 39 Grad, Husten; größte Schmerzen in der Brust seit gestern Abend um acht Uhr."


@pytest.mark.parametrize(
    "data",
    [
        base64.b64encode(base64.b64encode(TEXT.encode())).decode(),
        "data:text/plain;base64," + base64.b64encode(TEXT.encode()).decode(),
        base64.urlsafe_b64encode(TEXT.encode()).decode().rstrip("="),
        base64.encodebytes(TEXT.encode()).decode(),
    ],
)
def test_base64_in_other_shapes(data: str) -> None:
    assert text_of({"contentType": "text/plain", "data": data}, EMPTY)[0] == TEXT
