"""Files of a form, and the chart in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Any

import orjson

from cds_hooks.cds_client.captured import captured_request
from cds_hooks.cds_client.charts import CapturedChart
from cds_hooks.console.inspector.inspector_errors import ChoiceIncomplete, FileUnusable
from fhir_mapping.errors import MappingError
from fhir_mapping.input.loading import load_bytes

__all__ = ["SentFile", "chart_in", "form_of"]

_GZIP = b"\x1f\x8b"
_MULTIPART = "multipart/form-data"
_OPEN = "Open the inspector's page and send its form."
_DROP = "Drop a FHIR bundle, NDJSON files or a captured hook request."


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a form. Its name is told by its number alone: names may hold a patient's."""

    number: int
    content: bytes = field(repr=False)


def form_of(content_type: str, body: bytes) -> tuple[Mapping[str, str], tuple[SentFile, ...]]:
    """Fields and files of a form that was sent as `multipart/form-data` (RFC 7578).

    Slow for large bodies: for a thread. Raises ChoiceIncomplete for anything else.
    """
    if not content_type.lower().startswith(_MULTIPART):
        raise ChoiceIncomplete("this is not what the page's form sends", hint=_OPEN)
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    try:
        # Its policy for headers reads any of them in linear time, or not at all.
        message = BytesParser(policy=compat32).parsebytes(head + body)
    except RecursionError:  # forms within forms
        raise ChoiceIncomplete("this is not what the page's form sends", hint=_OPEN) from None
    fields: dict[str, str] = {}
    files: list[SentFile] = []
    for part in _parts(message):
        name = part.get_param("name", "", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        if part.get_filename() is None:
            fields[name] = content.decode("utf-8", "replace").strip()
        elif content.strip():
            files.append(SentFile(len(files) + 1, content))
    return fields, tuple(files)


def _parts(message: Message) -> Iterator[Message]:
    listed = message.get_payload() if message.is_multipart() else []
    yield from (part for part in listed if isinstance(part, Message))


def chart_in(files: Sequence[SentFile]) -> CapturedChart | list[dict[str, Any]]:
    """What the files hold: one captured request, or the resources of all of them.

    Raises ChoiceIncomplete, FileUnusable, and CaptureUnusable of a capture of another version.
    """
    if not files:
        raise ChoiceIncomplete("no file came with the form", where="file", hint=_DROP)
    if len(files) == 1 and (captured := _captured(files[0])) is not None:
        return captured
    return [resource for file in files for resource in _resources(file)]


def _captured(file: SentFile) -> CapturedChart | None:
    try:
        document = orjson.loads(file.content)
    except ValueError:
        return None
    found = captured_request(document, where=_named(file))
    return None if found is None else CapturedChart(found)


def _resources(file: SentFile) -> list[dict[str, Any]]:
    if file.content.startswith(_GZIP):  # a small one may unpack to any size
        hint = "Unpack it, and drop what was in it."
        raise FileUnusable("the file is compressed", where=_named(file), hint=hint)
    try:
        return load_bytes(file.content, where=_named(file))
    except MappingError as error:
        hint = f"{error.hint} {_DROP}".strip()
        raise FileUnusable(
            f"{error.message} ({error.code})", where=error.where, hint=hint
        ) from None


def _named(file: SentFile) -> str:
    return f"file {file.number}"
