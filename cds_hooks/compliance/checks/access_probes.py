"""Who may call and who may look: clients, people, sessions."""

from __future__ import annotations

from collections.abc import Iterator

from cds_hooks.compliance.checks.finding import (
    Evidence,
    Finding,
    Result,
    decide,
    no_ledger,
    setting,
)
from cds_hooks.compliance.checks.installation_facts import InstallationFacts

__all__ = [
    "access_limited",
    "automatic_logoff",
    "callers_authenticated",
    "emergency_access",
    "overseers_assigned",
    "people_authenticated",
    "users_identified",
]

_LONGEST_IDLE_S = 3600.0
_ROLES = (
    "openid.viewers",
    "openid.integrators",
    "openid.reviewers",
    "openid.investigators",
    "openid.administrators",
)


def _clients(installation: InstallationFacts) -> Evidence:
    return setting(installation, "clients", len(installation.settings["clients"]) or "none")


def access_limited(installation: InstallationFacts) -> Finding:
    """Calls are taken from registered clients only, pages open by role."""
    return decide(
        _open_access(installation),
        "only registered clients may call, and pages open by role",
        _clients(installation),
        setting(installation, "openid.issuer"),
        *(setting(installation, key) for key in _ROLES),
    )


def _open_access(installation: InstallationFacts) -> Iterator[str]:
    if not installation.settings["clients"]:
        yield "no client is registered: whoever can connect may call"
    if installation.settings["openid.issuer"]:
        if not any(installation.settings[key] for key in _ROLES):
            yield "no value of openid.roles_claim makes anybody a viewer, reviewer or administrator"
    elif not installation.is_production:
        yield "pages open by a one-time link and without a role of a named person"


def callers_authenticated(installation: InstallationFacts) -> Finding:
    """Every call bears a signed token of a client whose private key nobody published."""
    faults = installation.lacking("clients-missing", "client-issuer-public", "client-jku-not-https")
    return decide(
        faults,
        "each call needs a token signed by a registered client, and is let in once",
        _clients(installation),
    )


def people_authenticated(installation: InstallationFacts) -> Finding:
    """People sign in at the site's identity provider, or no page opens for them."""
    issuer = str(installation.settings["openid.issuer"])
    faults = list(installation.lacking("openid-not-https"))
    if not issuer and not installation.is_production:
        faults.append("people are let in by a one-time link, whoever they are")
    told = "people sign in at the identity provider" if issuer else "nobody can sign in to pages"
    shown = (setting(installation, "openid.issuer"), setting(installation, "openid.algorithms"))
    return decide(faults, told, *shown)


def users_identified(installation: InstallationFacts) -> Finding:
    """Each answer that was shown names the user and the client in its record."""
    ledger = installation.ledger
    if ledger is None or not ledger.answers:
        return no_ledger(installation)
    faults = []
    if ledger.without_user:
        faults.append(f"{ledger.without_user} answers name no user")
    if ledger.without_client:
        faults.append(f"{ledger.without_client} answers name no client")
    shown = Evidence("ledger", "records hook-answered", str(ledger.answers))
    said = "each answer on record names user and client"
    return decide(faults, said, shown, setting(installation, "ledger.users"))


def emergency_access(installation: InstallationFacts) -> Finding:
    """Somebody may take a role for a time with a reason, and can sign in to do so."""
    keys = ("console.emergency_people", "console.emergency_from")
    shown = tuple(setting(installation, key) for key in (*keys, "openid.issuer"))
    if not any(installation.settings[key] for key in keys):
        return Finding(Result.NOT_ASSESSED, "nobody may take a role in an emergency here", shown)
    faults = []
    if not installation.settings["openid.issuer"]:
        faults.append("nobody can sign in, so nobody can take an emergency role")
    return decide(faults, "a role can be taken for a time, with a reason on record", *shown)


def automatic_logoff(installation: InstallationFacts) -> Finding:
    """Sessions end without use within an hour: the bound is ours, the rule names none."""
    idle = float(installation.settings["console.idle_s"])
    faults = [f"a session ends only after {idle:.0f} s without use (our own bound: 3600)"]
    return decide(
        faults if idle > _LONGEST_IDLE_S else (),
        f"a session ends after {idle:.0f} s without use; the rule names no time",
        setting(installation, "console.idle_s"),
        setting(installation, "console.lifetime_s"),
    )


def overseers_assigned(installation: InstallationFacts) -> Finding:
    """People have the roles that oversee: reviewers and administrators."""
    keys = ("openid.issuer", "openid.reviewers", "openid.administrators")
    faults = [f"{key} is empty" for key in keys if not installation.settings[key]]
    said = "the identity provider says who reviews and who administers"
    return decide(faults, said, *(setting(installation, key) for key in keys))
