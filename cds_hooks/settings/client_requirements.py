"""What has to hold between clients and the rest of the settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from cds_hooks.gather.server_base import allowed_base
from cds_hooks.settings.errors import SettingsError
from cds_hooks.settings.schema import Settings
from cds_hooks.trust.published import is_public_issuer

__all__ = ["client_lacks", "require_clients", "secured"]

Problem = tuple[str, str, str]
_LONGEST_S = 3600.0


def require_clients(settings: Settings) -> None:
    """Refuse clients that cannot be told apart, or that may read what the site may not."""
    names = Counter(client.name for client in settings.clients)
    issuers = Counter(client.issuer for client in settings.clients)
    for place, client in enumerate(settings.clients):
        where = f"clients.{place}"
        if names[client.name] > 1 or issuers[client.issuer] > 1:
            hint = "One entry a name and an issuer; an entry may have several tenants and keys."
            raise SettingsError("two clients have one name or issuer", where=where, hint=hint)
        for base in client.fhir_bases:
            if allowed_base(base, settings.fhir.allowed_bases) is None:
                hint = "Add it to fhir.allowed_bases, which is what may be read at all."
                raise SettingsError(
                    "a client's FHIR base is not allowed", where=f"{where}.fhir_bases", hint=hint
                )
        bound = client.certificate_sha256 or client.certificate_subjects
        if bound and not _certificates_are_seen(settings):
            hint = "Set tls.client_authority, or proxy.certificate_header behind a proxy."
            message = "a client is bound to a certificate that nobody asks for"
            raise SettingsError(message, where=where, hint=hint)
    issuer = settings.own_calls.issuer
    if issuer and issuer not in issuers:
        hint = "Add a [[clients]] entry with this issuer and the key's public part."
        raise SettingsError("no client has this issuer", where="own_calls.issuer", hint=hint)


def _certificates_are_seen(settings: Settings) -> bool:
    handed_on = settings.proxy.addresses and settings.proxy.certificate_header
    return bool(handed_on or settings.tls.client_authority)


def secured(settings: Settings) -> bool:
    """Whether callers are known and what they send is encrypted on its way."""
    way = settings.tls.certificate is not None or settings.proxy.addresses
    return bool(settings.clients and way)


def client_lacks(settings: Settings) -> Iterator[Problem]:
    """What production wants of clients and the way to them: code, key, what to do."""
    if not settings.clients:
        yield (
            "clients-missing",
            "clients",
            "Configure the EHR in [[clients]] (docs/integrators/clients.md).",
        )
    for place, client in enumerate(settings.clients):
        where = f"clients.{place}"
        if is_public_issuer(client.issuer) or is_public_issuer(client.jku):
            todo = "Remove it: the private key of this test tool is published."
            yield "client-issuer-public", f"{where}.issuer", todo
        if client.jku and not _is_https(client.jku):
            yield "client-jku-not-https", f"{where}.jku", "Use https, or a jwks_file."
        if client.max_lifetime_s > _LONGEST_S:
            yield "client-lifetime-long", f"{where}.max_lifetime_s", "At most an hour."
    yield from _way_lacks(settings)


def _way_lacks(settings: Settings) -> Iterator[Problem]:
    if settings.tls.certificate is None and not settings.proxy.addresses:
        yield "tls-missing", "tls.certificate", "Set a certificate and key, or declare the proxy."
    if not _is_https(settings.server.public_url):
        todo = "Set the https address under which EHRs know the service; tokens are made for it."
        yield "public-url-not-https", "server.public_url", todo
    for place, base in enumerate(settings.fhir.allowed_bases):
        if not _is_https(base):
            yield "fhir-base-not-https", f"fhir.allowed_bases.{place}", "Use https."
    for place, origin in enumerate(settings.server.cors_origins):
        if not _is_https(origin):
            yield "cors-origin-not-https", f"server.cors_origins.{place}", "Use https."


def _is_https(url: str) -> bool:
    return urlsplit(url).scheme.lower() == "https"
