"""A report as a file: JSON in the canonical form of RFC 8785, and the digest that names it.

The file is {"sha256": ..., "trial": {...}}: the digest is over the canonical bytes of `trial`, so
that it is the same however the file is indented.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import orjson
import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds_hooks.trial.report.key_figures import key_figures
from cds_hooks.trial.report.trial_report import TrialReport
from cds_hooks.trial.trial_errors import ReportUnusable

__all__ = ["digest_of", "document_of", "read_document", "written"]

_VERSION = "1"
_DIGITS = 6
_LARGEST = 16 * 1024 * 1024
_HINT = "Make the report again with `chartside trial report`."


class _Data(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class _Planned(_Data):
    cases: int = Field(ge=1)


class _Coverage(_Data):
    with_outcome: int = Field(ge=0)


class _Leaks(_Data):
    cases: int = Field(ge=0)


class _Subject(_Data):
    last: str


class _Report(_Data):
    coverage: _Coverage
    leaks: _Leaks
    subject: _Subject


class _KeyFigure(_Data):
    model_config = ConfigDict(extra="forbid")

    name: str
    share: Annotated[float, Field(ge=0, le=1)]
    n: int = Field(ge=1)
    low: Annotated[float, Field(ge=0, le=1)]
    high: Annotated[float, Field(ge=0, le=1)]


class _Shape(_Data):
    """What decisions and comparisons read of a document. Its digest proves that nothing was changed
    since; anybody can make a file with a digest."""

    planned: _Planned | None
    report: _Report
    key_figures: list[_KeyFigure]


def document_of(
    report: TrialReport,
    *,
    made: datetime,
    program: str,
    planned: Mapping[str, Any] | None = None,
    collected: Mapping[str, Any] | None = None,
    compared: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The report as plain JSON values. `made` is an aware datetime, `program` the version that made
    it. `planned` is what `chartside trial plan` told, `collected` how the cases came together,
    `compared` another report's digest and the figures that drifted; each None where there is none.
    Figures are rounded to six decimals; what is not defined is null."""
    return {
        "version": _VERSION,
        "made": made.isoformat(timespec="seconds"),
        "program": program,
        "planned": _plain(planned) if planned else None,
        "collected": _plain(collected) if collected else None,
        "compared": _plain(compared) if compared else None,
        "key_figures": [_plain(each) for each in key_figures(report)],
        "report": _plain(report),
    }


def digest_of(document: Mapping[str, Any]) -> str:
    """The SHA-256 (hexadecimal) of a document's canonical form."""
    return hashlib.sha256(rfc8785.dumps(dict(document))).hexdigest()


def written(document: Mapping[str, Any]) -> bytes:
    """The content of a report's file."""
    whole = {"sha256": digest_of(document), "trial": document}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def read_document(content: bytes, *, where: str) -> tuple[dict[str, Any], str]:
    """A document and its digest, computed again. Raises ReportUnusable, which names `where`."""
    try:
        whole: Any = orjson.loads(content) if len(content) <= _LARGEST else None
        document, told = whole["trial"], whole["sha256"]
        found, version = digest_of(document), document["version"]
    except (rfc8785.CanonicalizationError, LookupError, TypeError, ValueError, RecursionError):
        raise ReportUnusable("not the JSON file of a report", where=where, hint=_HINT) from None
    if found != told:
        raise ReportUnusable(
            "the report does not match its digest: it was altered", where=where, hint=_HINT
        )
    if version != _VERSION:
        raise ReportUnusable("the report is of another release", where=where, hint=_HINT)
    try:
        _Shape.model_validate(document)
    except ValidationError as error:
        path = ".".join(str(each) for each in error.errors(include_input=False)[0]["loc"])
        message = "a figure of the report is missing or none"
        raise ReportUnusable(message, where=f"{where}: {path}", hint=_HINT) from None
    return document, found


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Enum):
        return value.name.lower().replace("_", "-")
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, _DIGITS)
    return value
