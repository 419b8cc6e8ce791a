"""value[x] of an Observation or one of its components."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fhir_mapping.drafting.draft import MappingContext
from fhir_mapping.elements.concepts import codings, wording
from fhir_mapping.elements.json_values import number, object_of, objects
from fhir_mapping.elements.phrasing import ago, plain
from fhir_mapping.elements.quantities import parts, shown_quantity

__all__ = ["REFUSED", "SIGNAL", "Value", "is_nothing", "read_value"]


REFUSED = ("valueSampledData", "valueAttachment")
"""Signals and images: never read, by design."""

SIGNAL = "Signals and images are not read."


class Value(NamedTuple):
    """What was found: `shown` is None for a number with nothing to say but the number."""

    shown: str | None
    number: float | None = None
    comparator: str | None = None
    unit: str | None = None
    concept: Any = None

    @property
    def figure(self) -> str:
        """The number with its comparator, without its unit."""
        return "" if self.number is None else f"{self.comparator or ''}{plain(self.number)}"


def read_value(element: Mapping[str, Any], ctx: MappingContext) -> Value | None:
    """The value of an Observation or component, or None if there is none that can be read."""
    sent = element.get("valueQuantity")
    if type(sent) is list:
        sent = object_of(sent)
    if isinstance(sent, dict):
        amount, comparator, unit = parts(sent, ctx.words)
        if amount is not None:
            return Value(None, amount, comparator, unit)
    sent = element.get("valueCodeableConcept")
    if sent:
        shown = ctx.term(sent).name
        if shown and not is_nothing(sent):
            return Value(shown, concept=sent)
    return _other_value(element, ctx)


_NOTHING = ("NullFlavor", "data-absent-reason")


def is_nothing(concept: Any) -> bool:
    """Whether a concept only says that there is no value ("unknown", "not asked")."""
    if not isinstance(concept, dict) or concept.get("text"):
        return False
    systems = [coding.get("system") for coding in codings(concept)]
    return bool(systems) and all(isinstance(s, str) and s.endswith(_NOTHING) for s in systems)


def _other_value(element: Mapping[str, Any], ctx: MappingContext) -> Value | None:
    for name in element:
        reader = _READERS.get(name)
        if reader is not None:
            shown = reader(element[name], ctx)
            if shown:
                return Value(shown)
    return _plain_number(element)


def _plain_number(element: Mapping[str, Any]) -> Value | None:
    for name in ("valueInteger", "valueDecimal"):
        read = number(element.get(name))
        if read is not None:
            return Value(None, read)
    return None


def _string(sent: Any, ctx: MappingContext) -> str:
    return ctx.words.typed(sent)


def _boolean(sent: Any, _: MappingContext) -> str:
    return {True: "yes", False: "no"}.get(sent, "") if isinstance(sent, bool) else ""


def _range(sent: Any, ctx: MappingContext) -> str:
    if not isinstance(sent, dict):
        return ""
    ends = [shown_quantity(sent.get(end), ctx.words) for end in ("low", "high")]
    if all(ends):
        return f"{ends[0]} to {ends[1]}"
    return f"at least {ends[0]}" if ends[0] else f"at most {ends[1]}" if ends[1] else ""


def _ratio(sent: Any, ctx: MappingContext) -> str:
    if not isinstance(sent, dict):
        return ""
    parts = [shown_quantity(sent.get(part), ctx.words) for part in ("numerator", "denominator")]
    return f"{parts[0]}:{parts[1]}" if all(parts) else ""


def _moment(sent: Any, ctx: MappingContext) -> str:
    """A date as a value ("last menstrual period"): told relative to now, as all dates are."""
    days = ctx.times.days_ago(sent)
    if days is None:
        return ""
    return ago(days)


def _period(sent: Any, ctx: MappingContext) -> str:
    return _moment(sent, ctx)


def _time_of_day(sent: Any, ctx: MappingContext) -> str:
    return ctx.words.coded(sent)[:8]


def _several(sent: Any, ctx: MappingContext) -> str:
    return ", ".join(filter(None, (wording(one, ctx.words) for one in objects(sent))))


_READERS: dict[str, Callable[[Any, MappingContext], str]] = {
    "valueString": _string,
    "valueBoolean": _boolean,
    "valueRange": _range,
    "valueRatio": _ratio,
    "valueDateTime": _moment,
    "valueDate": _moment,
    "valuePeriod": _period,
    "valueTime": _time_of_day,
    "valueCoding": _several,
}
