"""Who reads a page, and what they may do: known to every page, decided in `access`."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

__all__ = ["Reader", "Role", "Visit", "current_visit", "visiting"]


class Role(StrEnum):
    """What somebody does here. Every role may open what a viewer may; no other contains another."""

    VIEWER = "viewer"
    INTEGRATOR = "integrator"
    REVIEWER = "reviewer"
    INVESTIGATOR = "investigator"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Reader:
    """A person who is signed in.

    `subject` is the identity provider's name for them and goes on record; `name` is for display.
    `how` says what stands behind it: a local link of the demo profile, or an OpenID provider.
    """

    subject: str
    name: str
    roles: frozenset[Role]
    how: Literal["link", "openid"]

    def may(self, *roles: Role) -> bool:
        """Whether they have one of these roles."""
        held = self.roles | {Role.VIEWER} if self.roles else self.roles
        return not held.isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to a page: `reader` is None for somebody who is not signed in, `csrf` the token
    that forms of this session must bring.

    `how` says whether and how one can sign in here; `emergency` is a role that was taken for a
    time, until `emergency_until` (UTC seconds).
    """

    how: Literal["link", "openid", "none"] = "none"
    reader: Reader | None = None
    csrf: str = field(default="", repr=False)
    emergency: Role | None = None
    emergency_until: float = 0.0


_NOBODY = Visit()
_VISIT: ContextVar[Visit] = ContextVar("visit", default=_NOBODY)


def current_visit() -> Visit:
    """The visit that the page of this task is made for."""
    return _VISIT.get()


def visiting(visit: Visit) -> None:
    """Set the visit of this task."""
    _VISIT.set(visit)
