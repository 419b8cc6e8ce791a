"""The text of an Attachment: plain text, HTML, RTF and PDF, gzipped or not; else a reason.

What the data are is told by their first bytes before it is told by their label: senders label
compressed data, documents and images as plain text. The libraries for HTML, RTF and PDF are loaded
when the first such attachment is met.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
import zlib
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any

from fhir_mapping.elements.json_values import string
from fhir_mapping.input.charsets import NotText, text_from_bytes
from fhir_mapping.input.resource_index import ResourceIndex

__all__ = ["NoText", "text_of", "text_of_html"]

_LARGEST = 4 * 1024 * 1024
"""Bytes of one attachment that are looked at."""

_MOST_PAGES = 40


class NoText(Exception):
    """The attachment has no text to read; `reason` and `detail` are those of an Omission."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def text_of(attachment: Mapping[str, Any], index: ResourceIndex) -> tuple[str, str | None]:
    """The text and the reference of the Binary it was in, if it was in one. Raises NoText."""
    media, charset = _label(string(attachment.get("contentType")))
    data, binary = attachment.get("data"), None
    if not data:
        binary, data = _elsewhere(attachment, index)
    if media.startswith(("image/", "video/", "audio/")):
        raise NoText("signal-or-image", "Images and recordings are not read.")
    if media not in _READERS and media not in _ANYTHING:
        raise NoText("unsupported-attachment", _UNSUPPORTED)
    content = _unpacked(_decoded(data))
    if _IS_BASE64.fullmatch(content[:_LONGEST_SNIFFED]):
        content = _unpacked(_decoded(content.decode("ascii")))  # encoded twice
    return _reader(media, content)(content, charset), binary


def _label(content_type: str) -> tuple[str, str]:
    """The media type and the charset that a content type names."""
    media, *parameters = content_type.split(";")
    named = (p.partition("=") for p in parameters)
    charset = next((v for name, _, v in named if name.strip().lower() == "charset"), "")
    return media.strip().lower(), charset.strip(" \t\"'")


def _reader(media: str, content: bytes) -> Callable[[bytes, str], str]:
    start = content[:1024].lstrip()
    for signature, known in _SIGNATURES:
        if start.startswith(signature):
            return _READERS[known]
    if _READERS.get(media) is not _html and start.startswith((b"<", *_MESSAGES)):
        if _BEGINS_HTML.match(start) or (start.startswith(b"<?xml") and b"<html" in start):
            return _html
        if start.startswith(_MESSAGES):
            raise NoText("unsupported-attachment", _UNSUPPORTED)
    return _READERS.get(media, _plain)


def _elsewhere(attachment: Mapping[str, Any], index: ResourceIndex) -> tuple[str | None, object]:
    url = attachment.get("url")
    target = index.resolve(url)
    if target is None:
        raise NoText("attachment-elsewhere", "The attachment is not among the resources.")
    return index.reference_of(url), target.get("data") or target.get("content")


def _decoded(data: object) -> bytes:
    if not isinstance(data, str) or not data.strip():
        raise NoText("attachment-empty", "The attachment has no data.")
    if len(data) > _LARGEST * 4 // 3:
        raise NoText("attachment-too-large", "The attachment is larger than what is read.")
    plain = "".join(data.split())
    if plain.startswith("data:"):
        plain = plain.partition(",")[2]
    plain = plain.rstrip("=").replace("-", "+").replace("_", "/")  # of URLs, without padding
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise NoText("attachment-broken", "The data of the attachment is not base64.") from None


def _unpacked(data: bytes) -> bytes:
    """The data, gunzipped if they are gzip, whatever their label says. Raises NoText."""
    if not data.startswith(_GZIP):
        return data
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        content = unpacker.decompress(data, _LARGEST + 1)
    except zlib.error:
        raise NoText("attachment-broken", "The compressed data are damaged.") from None
    if len(content) > _LARGEST:
        raise NoText("attachment-too-large", "The attachment is larger than what is read.")
    if not unpacker.eof:
        raise NoText("attachment-broken", "The compressed data end too early.")
    return content


def _plain(data: bytes, charset: str) -> str:
    try:
        return text_from_bytes(data, charset)
    except NotText:
        raise NoText("attachment-not-text", "The data are no text in a charset known.") from None


def _html(data: bytes, charset: str) -> str:
    return text_of_html(_plain(data, charset))


_BEGINS_HEADING = re.compile(r"<h[1-6](?=[\s>])", re.IGNORECASE)


def text_of_html(markup: str) -> str:
    """The words of an HTML fragment, blocks on lines of their own, headings marked by "# "."""
    import nh3

    for tag in ("</p>", "</div>", "</li>", "</tr>", "</h1>", "</h2>", "</h3>", "</h4>", "</td>",
                "</th>", "<br>", "<br/>", "<br />"):  # fmt: skip
        markup = markup.replace(tag, f"{tag}\n")
    return unescape(nh3.clean(_BEGINS_HEADING.sub(r"\n# \g<0>", markup), tags=set()))


def _rtf(data: bytes, charset: str) -> str:
    from striprtf.striprtf import rtf_to_text

    try:
        return str(rtf_to_text(_plain(data, charset), errors="ignore"))
    except Exception:
        raise NoText("attachment-broken", "The RTF document cannot be read.") from None


def _pdf(data: bytes, _charset: str) -> str:
    from io import BytesIO

    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it quotes what it reads
    try:
        pages = PdfReader(BytesIO(data)).pages
        text = "\n".join(pages[n].extract_text() for n in range(min(len(pages), _MOST_PAGES)))
    except Exception:
        raise NoText("attachment-broken", "The PDF document cannot be read.") from None
    if not text.strip():
        raise NoText("attachment-without-text", "The PDF document holds no text, only images.")
    return text


_READERS: dict[str, Callable[[bytes, str], str]] = {
    "text/plain": _plain,
    "": _plain,
    "text/markdown": _plain,
    "text/html": _html,
    "application/xhtml+xml": _html,
    "text/rtf": _rtf,
    "application/rtf": _rtf,
    "application/pdf": _pdf,
}
_GZIP = b"\x1f\x8b"
_ANYTHING = frozenset({"application/gzip", "application/x-gzip", "application/octet-stream"})
"""Types that say nothing of the content; it is told by its first bytes."""

_UNSUPPORTED = "Attachments of this type are not read."
_MESSAGES = (b"MSH|", b"<?xml", b"<ClinicalDocument", b"<Bundle", b'{"resourceType"')
"""How messages and documents for machines begin, which hold more than a text: identifiers."""

_BEGINS_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|div|p|span|table|h[1-6]|ul|ol|br|b|i|pre)[\s>/]",
    re.IGNORECASE,
)
_LONGEST_SNIFFED = 4096
_IS_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{60,}(?:\r?\n)?)+[A-Za-z0-9+/]*={0,2}\s*")
"""A text of words has blanks within sixty characters. Ours; Chinese is not ASCII."""

_SIGNATURES = ((b"%PDF-", "application/pdf"), (b"{\\rtf", "application/rtf"))
"""How a document of each type begins, whatever it is labelled."""
