"""What the page's form asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from cds_hooks.audit.reasons import typed_reason
from cds_hooks.audit.switches import ALL_SERVICES, SHORTEST_REASON

__all__ = ["SwitchForm", "SwitchFormRefused", "read_form"]

_LONGEST_BODY, _MOST_FIELDS = 16 * 1024, 10


class SwitchFormRefused(ValueError):
    """The form names nothing that can be switched, has no reason or is not confirmed; `typed` is
    the reason that it has."""

    def __init__(self, typed: str = "", scope: str = "") -> None:
        super().__init__("no service, no reason or no confirmation")
        self.typed = typed
        self.scope = scope


@dataclass(frozen=True, slots=True)
class SwitchForm:
    """`scope` is a service's id or `*`, `reason` as it was typed."""

    scope: str
    off: bool
    reason: str


def read_form(body: bytes, services: frozenset[str]) -> SwitchForm:
    """What a form asks for; `services` are the ids that there are. Raises SwitchFormRefused."""
    fields = _fields(body)
    scope, to = fields.get("scope", ""), fields.get("to", "")
    reason = typed_reason(fields.get("reason", ""))
    known = scope in services or scope == ALL_SERVICES
    if not known or to not in ("off", "on"):
        raise SwitchFormRefused(reason)
    if len(reason) < SHORTEST_REASON or fields.get("confirmed") != "yes":
        raise SwitchFormRefused(reason, scope)
    return SwitchForm(scope, to == "off", reason)


def _fields(body: bytes) -> Mapping[str, str]:
    if len(body) > _LONGEST_BODY:
        return {}
    try:
        return dict(parse_qsl(body.decode("utf-8"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}
