"""What is wrong with resources as FHIR, for the engineer who connects a sender.

The models of fhir.resources judge; a judgement never costs a fact. R4 is judged by the models of
R4B, whose elements are the same in the resource types that are read here. The models are loaded
when they are first asked for, which takes a good part of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from fhir_mapping.chart import QualityNote
from fhir_mapping.elements.json_values import string
from fhir_mapping.input.dialects import version_named

__all__ = ["check", "place"]

_PACKAGES = {
    "R4": "fhir.resources.R4B",
    "R4B": "fhir.resources.R4B",
    "STU3": "fhir.resources.STU3",
    "R5": "fhir.resources",
}
_MOST_NOTES_EACH = 20

_FIXES = {
    "extra_forbidden": "Remove this element: it does not exist in this version.",
    "missing": "Send this required element.",
    "value_error": "Send a value of the type that FHIR gives this element.",
    "date_from_datetime_parsing": "Send a date as YYYY, YYYY-MM or YYYY-MM-DD.",
    "datetime_parsing": "Send a dateTime with seconds and a time zone.",
    "string_type": "Send a string.",
    "string_pattern_mismatch": "Send an id of letters, digits, '-' and '.' only.",
    "list_type": "Send a list.",
    "dict_type": "Send an object.",
    "model_type": "Send an object.",
    "int_type": "Send a whole number.",
    "int_parsing": "Send a whole number.",
    "decimal_parsing": "Send a number; comparators have an element of their own.",
    "bool_parsing": "Send true or false.",
}


def check(resources: Iterable[Mapping[str, Any]], version: str) -> tuple[QualityNote, ...]:
    """What the models of `version` ("R4", "4.0.1", "STU3" ...) reject, with the path of each.

    Paths are `Type/id.element[0].child`; no note holds a value. Raises MappingError for a version
    that is not supported.
    """
    package = _PACKAGES[version_named(version)]
    notes: list[QualityNote] = []
    for n, resource in enumerate(resources):
        notes += _checked(resource, package, n)
    return tuple(notes)


def _checked(resource: object, package: str, n: int) -> list[QualityNote]:
    if not isinstance(resource, Mapping) or not string(resource.get("resourceType")):
        return [QualityNote(f"(resource {n})", "not-a-resource", "It has no resourceType.")]
    kind = string(resource.get("resourceType"))
    where = place(resource, n)
    model = _model(kind, package)
    if model is None:
        return [QualityNote(where, "unknown-type", f"There is no {kind} in this version of FHIR.")]
    try:
        model.model_validate(_without_nulls(resource))
    except KeyError:
        message = "It contains a resource of a type that this version does not have."
        return [QualityNote(where, "unknown-type-inside", message)]
    except ValidationError as error:
        return _notes_of(error, where)
    except Exception:  # a fault of the models is not the sender's, and not one of this resource
        message = "The models that judge resources failed at this one: it was not checked."
        return [QualityNote(where, "not-checked", message)]
    return []


def place(resource: Mapping[str, Any], n: int) -> str:
    """How the `n`th resource is named in paths: "Condition/c1"; also without a usable id."""
    kind = string(resource.get("resourceType")) or "(no type)"
    return f"{kind}/{string(resource.get('id')) or f'(no id, resource {n})'}"


def _without_nulls(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The models take null for a required element; null is no FHIR, so it is as if not sent."""
    return {name: value for name, value in resource.items() if value is not None}


def _model(kind: str, package: str) -> Any:
    models = import_module(package)
    try:
        return models.get_fhir_model_class(kind)
    except (ValueError, LookupError):
        return None


def _notes_of(error: ValidationError, where: str) -> list[QualityNote]:
    found = []
    for problem in error.errors()[:_MOST_NOTES_EACH]:
        code = str(problem.get("type", "invalid")).rpartition(".")[2]
        path = where + "".join(_step(step) for step in problem.get("loc", ()))
        found.append(QualityNote(path, code.replace("_", "-"), _FIXES.get(code, _fix(code))))
    return list(dict.fromkeys(found))


def _step(step: object) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"


def _fix(code: str) -> str:
    return "Send a value that FHIR allows here." if "type" in code else "See the FHIR definition."
