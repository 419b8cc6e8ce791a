"""Which of the nine variables that a reader asks about reach the model, by what is really read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files

from cds_hooks.documents.attributes import Derived
from cds_hooks.documents.installation import Installation
from fhir_mapping.tables import table

__all__ = ["VARIABLES", "input_variables", "resource_types", "variable"]

_TYPE = re.compile(r"[A-Z][A-Za-z]+")
_CATEGORY = re.compile(r"category=([a-z-]+)")
_IN_TEXT = (
    "A note can mention any of these; its text is shown, names and numbers masked where recognised."
)


def input_variables(of: Installation) -> Derived:
    """One line a variable: whether it is an input, and where from."""
    lines = [f"{each['name']}: {_use(each, of)}" for each in _variables()]
    return Derived("\n".join((*lines, _IN_TEXT)))


def variable(name: str, of: Installation) -> Derived:
    """What becomes of one of `VARIABLES` in the services that use rules alone."""
    [found] = [each for each in _variables() if each["name"] == name]
    rules = replace(of, services=tuple(s for s in of.services if s.checks_new_problems))
    told = _use(found, rules)
    return Derived(f"{told[:1].upper()}{told[1:]}")


def resource_types(of: Installation, service_id: str) -> tuple[str, ...]:
    """The FHIR resource types that a service asks for, in its order, each once."""
    [service] = [each for each in of.services if each.id == service_id]
    found = (_TYPE.match(each.query) for each in service.templates)
    return tuple(dict.fromkeys(match[0] for match in found if match))


def _use(variable: Mapping[str, str], of: Installation) -> str:
    told = [use(variable, of) for key, use in _USES.items() if key in variable]
    return " ".join((f"{told[0]}.", *(f"{each[:1].upper()}{each[1:]}." for each in told[1:])))


def _element(variable: Mapping[str, str], _: Installation) -> str:
    kind, _dot, name = variable["element"].partition(".")
    if name not in table("minimum_necessary")[kind]["read"]:
        return f"not an input: {variable['element']} is not read"
    return f"input ({variable['element']}): {variable['as']}"


def _extension(variable: Mapping[str, str], _: Installation) -> str:
    return f"not an input: the extension {variable['extension']} is not read"


def _left_out(variable: Mapping[str, str], _: Installation) -> str:
    code = variable["left_out"]
    if code in table("left_out")["results"]["bias"]["codes"]:
        return f"an Observation of it (LOINC {code}) is left out"
    return f"an Observation of it (LOINC {code}) is shown as any other"


def _category(variable: Mapping[str, str], of: Installation) -> str:
    category = variable["category"]
    if category in _categories(of):
        return f"input: Observations of category {category} are asked for"
    return (
        f"Observations of category {category} are not asked for by any service; one that an EHR "
        "hands in all the same is shown as any other"
    )


_USES: Mapping[str, Callable[[Mapping[str, str], Installation], str]] = {
    "element": _element,
    "extension": _extension,
    "left_out": _left_out,
    "category": _category,
}


def _categories(of: Installation) -> frozenset[str]:
    queries = (template.query for service in of.services for template in service.templates)
    return frozenset(found for query in queries for found in _CATEGORY.findall(query))


@cache
def _variables() -> tuple[Mapping[str, str], ...]:
    text = files(__package__).joinpath("data/input_variables.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)["variables"])


VARIABLES = tuple(each["name"] for each in _variables())
"""Their names, in the order of the rule."""
