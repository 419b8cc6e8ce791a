"""A role that somebody takes for a time, with a reason (break-glass): who may, and what is written.

The reason goes into a ledger that nothing is ever taken out of, so that what says who a patient is
is masked first, as far as it has a shape: numbers, dates, addresses, names with a title.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from cds_hooks.console.access.access_settings import ConsoleSettings
from cds_hooks.console.reader import Reader, Role
from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.masking import masker
from prompts import visible

__all__ = ["SHORTEST", "EmergencyForm", "ReasonMissing", "read_form", "roles_offered"]

SHORTEST, _LONGEST = 10, 500
_LONGEST_BODY, _MOST_FIELDS = 16 * 1024, 10


class ReasonMissing(ValueError):
    """The form names no role that is offered, or gives no reason; `typed` is what it has."""

    def __init__(self, typed: str = "") -> None:
        super().__init__("no role or no reason")
        self.typed = typed


@dataclass(frozen=True, slots=True)
class EmergencyForm:
    """Which role is taken, and why, as it is recorded."""

    role: Role
    reason: str


def roles_offered(reader: Reader, config: ConsoleSettings) -> tuple[Role, ...]:
    """The roles that somebody may take who has not got them; mostly none."""
    named = reader.subject in config.emergency_people
    if not named and reader.roles.isdisjoint(config.emergency_from):
        return ()
    return tuple(role for role in config.emergency_roles if role not in reader.roles)


def read_form(body: bytes, offered: tuple[Role, ...], now: float) -> EmergencyForm:
    """What a form asks for; `now` is UTC seconds. Raises ReasonMissing."""
    fields = _fields(body)
    typed = visible(fields.get("reason", "")).strip()[:_LONGEST]
    role = next((each for each in offered if each.value == fields.get("role", "")), None)
    if role is None or len(typed) < SHORTEST:
        raise ReasonMissing(typed)
    mask = masker({}, RelativeTimes(datetime.fromtimestamp(now, UTC)))
    return EmergencyForm(role, " ".join(mask(typed).split()))


def _fields(body: bytes) -> Mapping[str, str]:
    if len(body) > _LONGEST_BODY:
        return {}
    try:
        return dict(parse_qsl(body.decode("utf-8"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}
