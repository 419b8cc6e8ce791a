"""Settings of sessions in the browser, and of roles that are taken in an emergency."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from cds_hooks.console.reader import Role
from cds_hooks.section import Section

__all__ = ["ConsoleSettings"]


class ConsoleSettings(Section):
    """Sessions of people who open the web pages (docs/operators/who-may-open-what.md)."""

    # ASVS 5.0, 7.3: both bounds are the site's, by its own assessment of risk; NIST SP 800-63B-4,
    # section 2.2.3 (AAL2): sign in again within a day, and after at most an hour without use.
    idle_s: float = Field(
        1800.0, ge=60, le=28_800, description="Seconds without a request that end a session."
    )
    lifetime_s: float = Field(
        36_000.0, ge=300, le=86_400, description="Seconds after which a session ends in any case."
    )
    most_sessions: int = Field(
        1000, gt=0, description="Open sessions; past it the one unused for longest ends."
    )
    most_per_person: int = Field(
        8, gt=0, description="Open sessions of one person; past it their oldest ends."
    )
    sign_ins_per_minute: float = Field(
        60.0, gt=0, description="Requests of signing in that an address may make (two a sign-in)."
    )
    emergency_people: tuple[str, ...] = Field(
        (), description="Subjects who may take a role for a time, with a reason (break-glass)."
    )
    emergency_from: tuple[Role, ...] = Field(
        (), description="Roles whose holders may do so; with both empty nobody may."
    )
    emergency_roles: tuple[Role, ...] = Field(
        (Role.REVIEWER,), description="Roles that may be taken so."
    )
    emergency_s: float = Field(
        3600.0, ge=60, le=28_800, description="Seconds that such a role lasts at most."
    )

    @model_validator(mode="after")
    def _idle_is_within_lifetime(self) -> Self:
        if self.idle_s > self.lifetime_s:
            raise ValueError("idle_s must not be above lifetime_s")
        return self
