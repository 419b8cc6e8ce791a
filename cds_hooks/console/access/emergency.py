"""A role that somebody takes for a time, with a reason (break-glass): who may, what is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from cds_hooks.audit.reasons import masked_reason, typed_reason
from cds_hooks.console.access.access_settings import ConsoleSettings
from cds_hooks.console.reader import Reader, Role

__all__ = ["SHORTEST", "EmergencyForm", "ReasonMissing", "read_form", "roles_offered"]

SHORTEST = 10
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
    typed = typed_reason(fields.get("reason", ""))
    role = next((each for each in offered if each.value == fields.get("role", "")), None)
    if role is None or len(typed) < SHORTEST:
        raise ReasonMissing(typed)
    return EmergencyForm(role, masked_reason(typed, now))


def _fields(body: bytes) -> Mapping[str, str]:
    if len(body) > _LONGEST_BODY:
        return {}
    try:
        return dict(parse_qsl(body.decode("utf-8"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}
