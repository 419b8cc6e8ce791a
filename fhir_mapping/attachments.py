"""The text of an Attachment: plain text, HTML, RTF and PDF; anything else has a reason.

The libraries for HTML, RTF and PDF are loaded when the first such attachment is met.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any

from fhir_mapping.index import Index
from fhir_mapping.reading import string

__all__ = ["NoText", "text_of"]

_LARGEST = 4 * 1024 * 1024
"""Bytes of one attachment that are looked at."""

_MOST_PAGES = 40


class NoText(Exception):
    """The attachment has no text to read; `reason` and `detail` are those of an Omission."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def text_of(attachment: Mapping[str, Any], index: Index) -> tuple[str, str | None]:
    """The text and the reference of the Binary it was in, if it was in one. Raises NoText."""
    media = string(attachment.get("contentType")).split(";")[0].strip().lower()
    data, binary = attachment.get("data"), None
    if not data:
        binary, data = _elsewhere(attachment, index)
    if media not in _READERS:
        if media.startswith(("image/", "video/", "audio/")):
            raise NoText("signal-or-image", "Images and recordings are not read.")
        raise NoText("unsupported-attachment", "Attachments of this type are not read.")
    return _READERS[media](_decoded(data)), binary


def _elsewhere(attachment: Mapping[str, Any], index: Index) -> tuple[str | None, object]:
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
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NoText("attachment-broken", "The data of the attachment is not base64.") from None


def _plain(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _html(data: bytes) -> str:
    return text_of_html(_plain(data))


_BEGINS_HEADING = re.compile(r"<h[1-6](?=[\s>])", re.IGNORECASE)


def text_of_html(markup: str) -> str:
    """The words of an HTML fragment, blocks on lines of their own, headings marked by "# "."""
    import nh3

    for tag in ("</p>", "</div>", "</li>", "</tr>", "</h1>", "</h2>", "</h3>", "</h4>", "</td>",
                "<br>", "<br/>", "<br />"):  # fmt: skip
        markup = markup.replace(tag, f"{tag}\n")
    return unescape(nh3.clean(_BEGINS_HEADING.sub(r"\n# \g<0>", markup), tags=set()))


def _rtf(data: bytes) -> str:
    from striprtf.striprtf import rtf_to_text

    try:
        return str(rtf_to_text(_plain(data), errors="ignore"))
    except Exception:
        raise NoText("attachment-broken", "The RTF document cannot be read.") from None


def _pdf(data: bytes) -> str:
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


_READERS: dict[str, Callable[[bytes], str]] = {
    "text/plain": _plain,
    "": _plain,
    "text/markdown": _plain,
    "text/html": _html,
    "application/xhtml+xml": _html,
    "text/rtf": _rtf,
    "application/rtf": _rtf,
    "application/pdf": _pdf,
}
