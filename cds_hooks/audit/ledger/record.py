"""The fields of a ledger record. Patients, users and chart content are keyed hashes only.

`Entry` is what is to be recorded; the ledger adds its position. `Record` is an entry in its
position, as it is written, exported, verified and queried.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from cds_hooks.audit.ledger.ledger_errors import RecordRefused

__all__ = ["AssessmentRecord", "CardRecord", "Entry", "Record"]

_TYPE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.:-]*", re.ASCII)
_MAX_TEXT = 4096
_MAX_DEPTH = 6
# A float this large is written like an integer, which JSON readers do not read exactly.
_MAX_NUMBER = 2**53


@dataclass(frozen=True, slots=True)
class AssessmentRecord:
    """One assessed diagnosis: `id` is the keyed hash of its name."""

    id: str
    verdict: str
    checks: Mapping[str, str] = field(default_factory=dict)
    evidence_ref: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CardRecord:
    """One card as it was shown: its summary is a keyed hash."""

    uuid: str
    indicator: str
    summary_hmac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be recorded. An empty field is left out of the written record.

    `service_id` is the CDS service's, `consultation` the record's in the store; the store fills in
    `recorded` (UTC, RFC 3339), `event_id` and `service_version`. `details` has the fields of this
    type of record alone.
    """

    type: str
    recorded: str = ""
    event_id: str = ""
    service_id: str = ""
    service_version: str = ""
    consultation: str = ""
    hook: str = ""
    hook_instance: str = ""
    request_id: str = ""
    client_iss: str = ""
    tenant: str = ""
    jti: str = ""
    organization: str = ""
    organization_hmac: str = ""
    organization_from: str = ""
    purposes_of_use: tuple[str, ...] = ()
    user_ref: str = ""
    patient_pseudonym: str = ""
    encounter_pseudonym: str = ""
    prefetch_state: Mapping[str, str] = field(default_factory=dict)
    resource_refs_hmac: tuple[str, ...] = ()
    omitted_count: int = 0
    template_id: str = ""
    template_sha256: str = ""
    prompt_hmac: str = ""
    model_id: str = ""
    gguf_sha256: str = ""
    engine: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    output_hmac: str = ""
    checks: tuple[AssessmentRecord, ...] = ()
    cards: tuple[CardRecord, ...] = ()
    outcome: str = ""
    reason_code: str = ""
    latency: Mapping[str, int] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    config_sha256: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could not be written or read back. Raises RecordRefused."""
        if not _TYPE.fullmatch(self.type):
            raise RecordRefused("a record's type is words in kebab-case", where="type")
        for name in ("prefetch_state", "params", "latency", "tokens", "details"):
            _require_plain(getattr(self, name), name, _MAX_DEPTH)

    @classmethod
    def of(cls, type_: str, fields: Mapping[str, Any]) -> Self:
        """An entry of loose fields: known ones as such, all others in `details`.

        Raises RecordRefused, which names the field.
        """
        known = {each.name for each in dataclasses.fields(cls)} - {"type", "details"}
        own = {name: value for name, value in fields.items() if name in known}
        rest = {name: value for name, value in fields.items() if name not in known}
        for name, value in own.items():
            if not isinstance(value, _kind(name)):
                raise RecordRefused("a field of a record is of another type", where=name)
        return cls(type=type_, details=rest, **own)

    def written(self) -> dict[str, Any]:
        """The fields that are not empty, as JSON values."""
        return {
            each.name: _plain(value)
            for each in dataclasses.fields(self)
            if (value := getattr(self, each.name)) not in ("", (), 0) and value != {}
        }


@dataclass(frozen=True, slots=True)
class Record:
    """An entry in its position.

    `seq` counts from 0 without a gap; `prev_hash` is the leaf hash (hexadecimal) of the record
    before, empty for the first. `fields` is the whole record as written, these two included, and
    `data` its bytes.
    """

    seq: int
    prev_hash: str
    fields: Mapping[str, Any]
    data: bytes = field(repr=False, default=b"")

    @property
    def type(self) -> str:
        return self.text("type")

    @property
    def recorded(self) -> str:
        return self.text("recorded")

    def text(self, name: str) -> str:
        """A text field; empty where it is missing or of another type."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""


def _kind(name: str) -> type | tuple[type, ...]:
    if name == "omitted_count":
        return int
    if name in ("prefetch_state", "params", "latency", "tokens"):
        return Mapping
    if name in ("resource_refs_hmac", "checks", "cards", "purposes_of_use"):
        return tuple
    return str


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        return {name: _plain(each) for name, each in own.items() if each not in ("", ())}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return value


def _require_plain(value: Any, where: str, depth: int) -> None:
    """Raise RecordRefused unless the value is JSON of a bounded depth and length.

    Names are ASCII: these sort alike everywhere.
    """
    if isinstance(value, Mapping) and depth:
        for name, inner in value.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise RecordRefused("a field's name is not plain ASCII", where=where)
            _require_plain(inner, f"{where}.{name}", depth - 1)
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and depth:
        for inner in value:
            _require_plain(inner, where, depth - 1)
    elif isinstance(value, str):
        _require_text(value, where)
    elif isinstance(value, (int, float)) and not abs(value) < _MAX_NUMBER:
        raise RecordRefused("a number is too large to be read back", where=where)
    elif not (value is None or isinstance(value, (bool, int, float))):
        raise RecordRefused("a field has a value that JSON cannot express", where=where)


def _require_text(value: str, where: str) -> None:
    if len(value) > _MAX_TEXT:
        raise RecordRefused(f"a text is longer than {_MAX_TEXT} characters", where=where)
