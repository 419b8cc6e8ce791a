"""Reading the terminology out of its wheels: no package is imported, nothing is executed."""

from __future__ import annotations

import bz2
import hashlib
import io
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError, fromstring

from cds_hooks.errors import ChartsideError

__all__ = ["CompileError", "Wheel", "open_wheel", "read_plain_pickle", "read_xml"]

MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes a member may unpack to; the largest real one is 10 MB."""


class CompileError(ChartsideError):
    """The terminology could not be compiled from what was given."""

    code = "terminology-compile"
    status = 500


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on disk: its project, version, licence and SHA-256, and one member's bytes."""

    project: str
    version: str
    licence: str
    sha256: str
    member: str
    data: bytes


def open_wheel(folder: Path, project: str, suffix: str) -> Wheel:
    """The one wheel of `project` in `folder` and its one member that ends with `suffix`.

    Raises CompileError when the wheel is missing, doubled, damaged or has no such member.
    """
    found = sorted(folder.glob(f"{project}-*.whl"))
    if len(found) != 1:
        raise CompileError(
            f"{len(found)} wheels of {project} where one is needed",
            where=str(folder),
            hint="Run `make` to fetch the pinned data wheels.",
        )
    try:
        return _read(found[0], project, suffix)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise CompileError(
            f"the wheel cannot be read ({type(error).__name__})",
            where=found[0].name,
            hint="Delete it and run `make` again.",
        ) from error


def _read(path: Path, project: str, suffix: str) -> Wheel:
    raw = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        names = archive.namelist()
        members = [n for n in names if n.endswith(suffix)]
        if len(members) != 1 or archive.getinfo(members[0]).file_size > MAX_UNPACKED:
            raise ValueError(suffix)
        metadata = archive.read(next(n for n in names if n.endswith(".dist-info/METADATA")))
        data = archive.read(members[0])
    return Wheel(
        project=project,
        version=path.name.split("-")[1],
        licence=_licence(metadata.decode("utf-8", "replace")),
        sha256=hashlib.sha256(raw).hexdigest(),
        member=members[0],
        data=data,
    )


def _licence(metadata: str) -> str:
    for line in metadata.splitlines():
        if line.startswith(("License-Expression:", "License:")):
            return line.split(":", 1)[1].strip()
        if line.startswith("Classifier: License ::"):
            return line.rsplit("::", 1)[1].strip()
    return "not stated in the wheel"


def read_xml(wheel: Wheel) -> Element:
    """The root of a wheel's XML. A document type or an entity declaration is refused.

    Without declarations expat has nothing to expand, so neither external entities nor
    exponential expansion can occur. Raises CompileError.
    """
    if b"<!DOCTYPE" in wheel.data or b"<!ENTITY" in wheel.data:
        raise CompileError("the XML declares a document type or entities", where=wheel.member)
    if b'encoding="utf-8"' not in wheel.data[:100].lower():
        raise CompileError("the XML is not declared as UTF-8", where=wheel.member)
    try:
        return fromstring(wheel.data)  # noqa: S314  declarations are refused above
    except ParseError as error:
        raise CompileError("the XML is not well-formed", where=wheel.member) from error


class _PlainUnpickler(pickle.Unpickler):
    """Reads containers, strings and numbers; anything that names a class or function is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"refused global {module}.{name}")

    def persistent_load(self, pid: object) -> NoReturn:
        raise pickle.UnpicklingError(f"refused persistent id of type {type(pid).__name__}")


def read_plain_pickle(wheel: Wheel) -> Mapping[str, Mapping[str, Any]]:
    """A wheel's bz2-packed pickle of plain containers: dict of dicts. Raises CompileError."""
    try:
        raw = bz2.BZ2Decompressor().decompress(wheel.data, max_length=MAX_UNPACKED)
        value = _PlainUnpickler(io.BytesIO(raw)).load()
    except (OSError, EOFError, ValueError, IndexError, KeyError, pickle.UnpicklingError) as error:
        raise CompileError(
            f"the pickle holds more than plain containers, or is damaged ({type(error).__name__})",
            where=wheel.member,
        ) from error
    if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
        raise CompileError("the pickle is not a dict of dicts", where=wheel.member)
    return value


def sources_meta(wheels: Sequence[Wheel]) -> dict[str, str]:
    """What the `meta` table says of the inputs."""
    rows: dict[str, str] = {}
    for wheel in wheels:
        rows[f"source.{wheel.project}.version"] = wheel.version
        rows[f"source.{wheel.project}.licence"] = wheel.licence
        rows[f"source.{wheel.project}.sha256"] = wheel.sha256
        rows[f"source.{wheel.project}.member"] = wheel.member
    return rows
