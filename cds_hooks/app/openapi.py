"""The OpenAPI document: FastAPI's, with the very schemas that answers are checked against."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cds_hooks.protocol.schema_validation import SchemaName, schema

__all__ = ["CALL_REFUSALS", "FORM", "body_of", "document_of", "json_of", "page_of", "refusals"]

Responses = dict[int | str, dict[str, Any]]

CALL_REFUSALS = (400, 403, 404, 408, 412, 413, 415, 429, 500, 503)
"""The statuses that a call of a service or its feedback may be refused with."""

_NAMES: tuple[SchemaName, ...] = (
    "discovery",
    "feedback",
    "hook-request",
    "operation-outcome",
    "response",
)
_SAID = {
    "type": "object",
    "description": "`said-1` to `said-32` and `why-1` to `why-32`, by the diagnosis's place.",
    "properties": {"said-1": {"enum": ["useful", "wrong"]}, "words": {"type": "string"}},
    "required": ["said-1"],
}
FORM = {
    "requestBody": {
        "required": True,
        "content": {"application/x-www-form-urlencoded": {"schema": _SAID}},
    }
}
"""The form of a consultation's page."""


def json_of(name: SchemaName, says: str) -> dict[str, Any]:
    """A response in one of the protocol's schemas."""
    return {"description": says, "content": _content(name)}


def body_of(name: SchemaName) -> dict[str, Any]:
    """A request body in one of the protocol's schemas."""
    return {"requestBody": {"required": True, "content": _content(name)}}


def page_of(says: str, media_type: str) -> dict[str, Any]:
    """A response that is no JSON."""
    return {"description": says, "content": {media_type: {"schema": {}}}}


def refusals(*statuses: int, bare: bool = True) -> Responses:
    """OperationOutcomes with these statuses; `bare` adds the 401, whose body is empty."""
    found: Responses = {status: json_of("operation-outcome", "Refused") for status in statuses}
    nobody = {"description": "No caller that this site knows; the body is empty"}
    return {401: nobody, **found} if bare else found


def document_of(app: FastAPI, ids: list[str]) -> dict[str, Any]:
    """The document of an application whose services have these ids."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    for operations in document["paths"].values():
        for operation in operations.values():
            # FastAPI adds its own to what has a parameter; no endpoint here answers with it.
            operation["responses"].pop("422", None)
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "service_id":
                    parameter["schema"] = {"type": "string", "enum": ids}
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for validation in ("HTTPValidationError", "ValidationError"):
        schemas.pop(validation, None)
    schemas.update(_components())
    return document


def _content(name: SchemaName) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _components() -> dict[str, Any]:
    """All schemas under `components/schemas`, their definitions beside them (`name.definition`)."""
    found: dict[str, Any] = {}
    for name in _NAMES:
        document = dict(schema(name))
        definitions = document.pop("$defs", {})
        for key in ("$schema", "$id"):
            document.pop(key)
        found[name] = _moved(document, name)
        for key, definition in definitions.items():
            found[f"{name}.{key}"] = _moved(definition, name)
    return found


def _moved(value: Any, name: str) -> Any:
    """A copy whose references to `#/$defs/x` go to where the definitions are now."""
    if isinstance(value, dict):
        return {key: _moved(member, name) for key, member in value.items()}
    if isinstance(value, list):
        return [_moved(item, name) for item in value]
    if isinstance(value, str) and value.startswith("#/$defs/"):
        return value.replace("#/$defs/", f"#/components/schemas/{name}.")
    return value
