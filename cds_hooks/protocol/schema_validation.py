"""Our own JSON Schemas (draft 2020-12): what may leave the service, checked before it leaves."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import Any, Literal

import jsonschema_rs
import orjson

from cds_hooks.protocol.protocol_errors import AnswerInvalid

__all__ = ["SchemaName", "check", "schema"]

SchemaName = Literal["discovery", "feedback", "hook-request", "operation-outcome", "response"]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@functools.cache
def schema(name: SchemaName) -> dict[str, Any]:
    """One of the schemas in the folder `schemas`. Not to be changed by the caller."""
    text = resources.files(__package__).joinpath("schemas", f"{name}.schema.json").read_bytes()
    document: dict[str, Any] = orjson.loads(text)
    return document


@functools.cache
def _validator(name: SchemaName) -> jsonschema_rs.Draft202012Validator:
    # `mask` keeps values out of the messages; `offline` keeps references inside the document.
    return jsonschema_rs.Draft202012Validator(
        schema(name), validate_formats=True, mask="a value", offline=True
    )


def check(document: Any, name: SchemaName) -> None:
    """Raise AnswerInvalid, with the path of the first violation, unless the document conforms."""
    for violation in _validator(name).iter_errors(document):
        where = "/".join(_safe(part) for part in violation.instance_path)
        rule = "/".join(_safe(part) for part in violation.schema_path[-2:])
        # The violation holds the document itself, so it must not stay in the chain.
        raise AnswerInvalid(
            f"the answer breaks the {name} schema ({rule})",
            where=where or "its root",
            hint="It was held back; report this with the request id.",
        ) from None


def _safe(part: str | int) -> str:
    """A step of a path; a key that is no plain name may be a value and is hidden."""
    return str(part) if isinstance(part, int) or _PLAIN.fullmatch(part) else "*"
