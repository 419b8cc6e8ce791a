"""From the claims of an ID token to a person with roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_hooks.console.reader import Reader, Role
from cds_hooks.trust.openid.openid_errors import SignInRefusal, SignInRefused
from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from prompts import visible

__all__ = ["reader_of"]

_LONGEST_SUBJECT, _LONGEST_NAME = 255, 80


def reader_of(claims: Mapping[str, Any], settings: OpenIdSettings) -> Reader:
    """The person; without a role that the settings give, they may open nothing.

    Raises SignInRefused for claims that do not say who it is.
    """
    subject = claims.get(settings.subject_claim)
    if not isinstance(subject, str) or not _is_plain(subject, _LONGEST_SUBJECT):
        raise SignInRefused(SignInRefusal.SUBJECT)
    name = claims.get(settings.name_claim)
    shown = visible(name).strip()[:_LONGEST_NAME] if isinstance(name, str) else ""
    return Reader(subject, shown or subject, _roles(claims, settings), "openid")


def _roles(claims: Mapping[str, Any], settings: OpenIdSettings) -> frozenset[Role]:
    held = _values(claims, settings.roles_claim)
    by_role = {
        Role.VIEWER: settings.viewers,
        Role.INTEGRATOR: settings.integrators,
        Role.REVIEWER: settings.reviewers,
        Role.INVESTIGATOR: settings.investigators,
        Role.ADMINISTRATOR: settings.administrators,
    }
    return frozenset(role for role, values in by_role.items() if held & set(values))


def _values(claims: Mapping[str, Any], name: str) -> set[str]:
    """Texts in a claim; one text is a list of one. Dots lead into objects, if no claim has them."""
    found: Any = claims.get(name)
    if name not in claims:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return {each for each in listed if isinstance(each, str)}


def _is_plain(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()
