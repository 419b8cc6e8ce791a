"""Who may open the pages of the running service, and the file that lets this user make links."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import orjson

from cds_hooks.audit import Store
from cds_hooks.console import Site
from cds_hooks.console.access import Access, LocalLinks, OpenId, Recording
from cds_hooks.errors import ChartsideError
from cds_hooks.operation import get_logger
from cds_hooks.private_files import read_private, write_private
from cds_hooks.runtime.egress import locked_transport
from cds_hooks.runtime.refused_calls import RefusedCall
from cds_hooks.settings import Settings
from cds_hooks.trust.openid.provider import OpenIdProvider

__all__ = [
    "LinksUnavailable",
    "access_of",
    "link_secret",
    "links_offered",
    "local_address",
    "signing_in",
]

_SECRET_BYTES = 32


class LinksUnavailable(ChartsideError):
    """No service runs with these settings of which a link could be asked."""

    code = "links-unavailable"
    status = 400


def access_of(
    settings: Settings, site: Site, store: Store, refused: Callable[[RefusedCall], None]
) -> Access:
    """The hospital's identity provider where one is set; local links in the demo profile; else
    nobody signs in. Raises SecretUnusable, KeyUnusable for what the provider would be shown."""
    plain = settings.ledger.users == "plain"

    async def record(type_: str, /, *, user: str, **details: str | list[str]) -> None:
        who = {"user_ref": user} if plain else {"user_id": user}
        await store.record_event(type_, **who, **details)

    recording = Recording(
        record,
        lambda request_id, route, code: refused(RefusedCall(request_id, route, code, "page")),
    )
    if settings.openid.issuer:
        redirect_uri = f"{site.base_url}/sign-in/return"
        provider = OpenIdProvider(settings.openid, redirect_uri, told=_told)
        openid = OpenId(provider, settings.openid)
        return Access(site, settings.console, openid=openid, recording=recording)
    demo = settings.profile == "demo"
    links = LocalLinks(secrets.token_bytes(_SECRET_BYTES)) if demo else None
    return Access(site, settings.console, links=links, recording=recording)


@contextlib.asynccontextmanager
async def signing_in(access: Access) -> AsyncIterator[None]:
    """The identity provider can be asked meanwhile, where there is one."""
    if access.openid is None:
        yield
        return
    async with access.openid.provider.opened(locked_transport()):
        yield


def _told(code: str) -> None:
    if code:
        get_logger().warning("provider-not-read", code=code)
    else:
        get_logger().info("provider-read")


@contextlib.contextmanager
def links_offered(access: Access, settings: Settings, port: int) -> Iterator[str]:
    """The address of a first link; while the block runs, `chartside open` can make others.

    "" where there are no local links. A file that cannot be written is told in the log.
    """
    if access.links is None:
        if access.how == "none":
            get_logger().info("console-closed", code="openid-not-set")
        yield ""
        return
    address, file = local_address(settings, port), _file(settings)
    said = {"secret": access.links.secret.hex(), "address": address}
    try:
        write_private(file, orjson.dumps(said).decode())
    except OSError:
        get_logger().warning("links-not-offered")
    try:
        yield f"{address}/open/{access.links.make()}"
    finally:
        with contextlib.suppress(OSError, ChartsideError, ValueError):
            if link_secret(settings)[0] == access.links.secret:
                file.unlink()


def link_secret(settings: Settings) -> tuple[bytes, str]:
    """Secret and address of the service that runs with these settings. Raises LinksUnavailable."""
    file = _file(settings)
    hint = "Start the service first, and ask as the same user with the same --config."
    raw = read_private(file, what="the file for links", hint=hint, error=LinksUnavailable)
    try:
        said = orjson.loads(raw)
        return bytes.fromhex(said["secret"]), str(said["address"])
    except (ValueError, TypeError, KeyError):
        raise LinksUnavailable(
            "the file for links is damaged", where=str(file), hint="Restart the service."
        ) from None


def local_address(settings: Settings, port: int) -> str:
    """Where this machine finds the service."""
    scheme = "https" if settings.tls.certificate else "http"
    host = "[::1]" if settings.server.host == "::1" else "127.0.0.1"
    return f"{scheme}://{host}:{port}"


def _file(settings: Settings) -> Path:
    return settings.store.site_key.with_name("console.links")
