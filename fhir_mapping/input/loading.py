"""Bytes, a file or a folder -> the FHIR resources in it, as plain dicts.

Understood are a Bundle of any type, a single resource, a JSON array of resources, NDJSON, any of
these gzipped, and a folder of such files. What cannot be read raises MappingError, which names the
file and the line, never what stands there.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from fhir_mapping.elements.json_values import objects
from fhir_mapping.errors import MappingError
from fhir_mapping.input.bundle_entries import open_bundle
from fhir_mapping.input.patient_reference import named_patient, one_patient_referred_to

__all__ = ["find_patient_ids", "load_bytes", "load_path"]

LARGEST = 256 * 1024 * 1024
"""Bytes of one file, after unpacking, that are read."""

_SUFFIXES = (".json", ".ndjson", ".jsonl", ".json.gz", ".ndjson.gz")
_GZIP = b"\x1f\x8b"


def load_path(path: Path) -> list[dict[str, Any]]:
    """The resources of a file, or of every FHIR file below a folder, in the order of the names."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and p.name.endswith(_SUFFIXES))
        if not files:
            raise MappingError("no-fhir-file", "the folder holds no .json or .ndjson file",
                               where=path.name, hint="Name a folder of FHIR files.")  # fmt: skip
        return named_patient([r for file in files for r in load_path(file)])
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"the file cannot be read ({error.strerror})"
        hint = "Check its path and its rights."
        raise MappingError("unreadable-file", message, where=path.name, hint=hint) from None
    return load_bytes(data, where=path.name)


def load_bytes(data: bytes, *, where: str = "input") -> list[dict[str, Any]]:
    """The resources in JSON or NDJSON, gzipped or not; `where` names the input in errors."""
    data = _unpacked(data, where)
    if not data.strip():
        raise MappingError("empty-input", "there is nothing to read", where=where,
                           hint="Give a FHIR Bundle, resource or NDJSON.")  # fmt: skip
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) < 2 or not _is_object(lines[0]):
            raise _not_json(error, where) from None
        return named_patient(_of_lines(data, where))
    return named_patient(_resources(value, where))


def find_patient_ids(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of the Patient resources, in their order, each once.

    Without a Patient resource: the one patient whom all references to a patient name, if it is one.
    """
    found = list(resources)
    ids = (r.get("id") for r in found if r.get("resourceType") == "Patient")
    known = list(dict.fromkeys(i for i in ids if isinstance(i, str) and i))
    return known or one_patient_referred_to(found)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _of_lines(data: bytes, where: str) -> list[dict[str, Any]]:
    found = []
    for n, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise _not_json(error, f"{where}, line {n}") from None
            found += _resources(value, f"{where}, line {n}")
    return found


def _unpacked(data: bytes, where: str) -> bytes:
    if data.startswith(_GZIP):
        try:
            with gzip.GzipFile(fileobj=_reader(data)) as file:
                data = file.read(LARGEST + 1)
        except (OSError, EOFError, zlib.error):
            raise MappingError("broken-gzip", "the compressed data is damaged", where=where,
                               hint="Pack the file again.") from None  # fmt: skip
    if len(data) > LARGEST:
        raise MappingError("too-large", f"more than {LARGEST} bytes", where=where,
                           hint="Split the input by patient.")  # fmt: skip
    return data


def _reader(data: bytes) -> Any:
    from io import BytesIO

    return BytesIO(data)


def _not_json(error: orjson.JSONDecodeError, where: str) -> MappingError:
    if "depth" in error.msg or "recursion" in error.msg:
        return MappingError("too-deep", "the JSON is nested deeper than any FHIR resource",
                            where=where, hint="Send FHIR resources.")  # fmt: skip
    place = f"{where}, line {error.lineno}, column {error.colno}"
    ended = error.pos >= len(error.doc.rstrip()) if isinstance(error.doc, str) else False
    what = "the JSON ends too early" if ended else "this is not JSON"
    return MappingError("not-json", what, where=place, hint="Send the whole document as UTF-8.")


def _resources(value: Any, where: str) -> list[dict[str, Any]]:
    if isinstance(value, dict) and value.get("resourceType") == "Bundle":
        return [found for found in open_bundle(value) if isinstance(found, dict)]
    if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
        return [value]
    if isinstance(value, list) and any(isinstance(v, dict) and "resourceType" in v for v in value):
        return [resource for item in objects(value) for resource in _resources(item, where)]
    raise MappingError("not-fhir", "this JSON is no FHIR resource", where=where,
                       hint="It needs a resourceType.")  # fmt: skip
