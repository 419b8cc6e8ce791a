"""Dataclasses as stored bytes and back, exactly.

The format is JSON (orjson) compressed with zlib; every record has its name and version. Decoding
ignores unknown fields (written by a later version) and takes the default of missing ones (written
by an earlier one).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Generic, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from cds_hooks.audit.store_errors import RecordUnreadable

__all__ = ["Codec"]

T = TypeVar("T")

_LEVEL = 1
_MAX_BYTES = 512 * 1024 * 1024


class Codec(Generic[T]):
    """Bytes of one frozen dataclass. Numbers that are not finite are stored as null."""

    def __init__(self, type_: type[T], name: str) -> None:
        self.format = f"{name}/1+zlib"
        self._adapter: TypeAdapter[T] = TypeAdapter(type_)

    def encode(self, value: T) -> bytes:
        """The stored form of a value."""
        return zlib.compress(_json(value), _LEVEL)

    def decode(self, data: bytes, format_: str, *, where: str = "") -> T:
        """The value of stored bytes. Raises RecordUnreadable, which names paths, never values."""
        if format_ != self.format:
            hint = "It was written by another version of this service; use that one to read it."
            raise RecordUnreadable(f"unknown record format {format_}", where=where, hint=hint)
        try:
            text = zlib.decompressobj().decompress(data, _MAX_BYTES)
            return self._adapter.validate_json(text)
        except zlib.error:
            raise RecordUnreadable("the record is damaged", where=where, hint=_RESTORE) from None
        except ValidationError as error:
            paths = sorted({".".join(map(str, item["loc"])) for item in error.errors()})
            message = f"the record does not fit at {', '.join(paths[:5]) or 'its beginning'}"
            raise RecordUnreadable(message, where=where, hint=_RESTORE) from None


_RESTORE = "Restore the store from a backup if this is needed."


def _json(value: object) -> bytes:
    """orjson first; text that is not valid Unicode (from broken RTF or PDF) is replaced by `?`."""
    try:
        return orjson.dumps(value, default=_plain)
    except TypeError:
        text = json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)
