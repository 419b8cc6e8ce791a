"""The pages that an EHR starts as an app, put together from the settings of its client."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx

from cds_hooks.audit import SiteKey, Store
from cds_hooks.console import Site
from cds_hooks.console.smart_launch import LaunchEdge, LaunchedPages, Launching, LaunchSessions
from cds_hooks.consult import ConsultationPages
from cds_hooks.errors import ChartsideError
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.private_files import read_private
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.runtime.egress import locked_transport, of_service
from cds_hooks.runtime.refused_calls import RefusedCall
from cds_hooks.settings import Settings
from cds_hooks.settings.schema import ClientEntry
from cds_hooks.tls_client import client_context
from cds_hooks.trust.egress.destinations import AllowList
from cds_hooks.trust.smart.launch_client import LaunchClient, SmartClient

__all__ = ["SmartSecretUnusable", "launched_pages", "launching"]

FeedBack = Callable[[str, FeedbackEntry, str, str], Awaitable[None]]


class SmartSecretUnusable(ChartsideError):
    """The secret of an app cannot be read, or others may read it, or it is no line of text."""

    code = "smart-secret-unusable"
    status = 400


def launched_pages(
    settings: Settings,
    site: Site,
    pages: ConsultationPages,
    store: Store,
    key: SiteKey,
    *,
    refused: Callable[[RefusedCall], None],
    feed_back: FeedBack,
) -> LaunchedPages | None:
    """None where no client starts this service as an app. Raises SmartSecretUnusable."""
    clients = tuple(_clients(settings))
    if not clients:
        return None
    plain = settings.ledger.users == "plain"

    async def record(type_: str, /, *, user: str, **details: str) -> None:
        who = {"user_ref": user} if plain else {"user_id": user}
        await store.record_event(type_, **who, **details)

    def keys(server: str, patient: str) -> tuple[str, ...]:
        spellings = dict.fromkeys((server.rstrip("/"), str(ServerBase.parse(server) or server)))
        return tuple(key.patient_key(patient, fhir_server=each) for each in spellings)

    listed = AllowList(of_service(settings), settings.egress.networks)
    start = Launching(
        site.base_url,
        LaunchClient(f"{site.base_url}/smart/callback", lambda url: _is_listed(listed, url)),
        clients,
        per_minute=settings.console.sign_ins_per_minute,
        refused=lambda request_id, route, code: refused(
            RefusedCall(request_id, route, code, "smart")
        ),
    )
    sessions = LaunchSessions(settings.console, site.base_url)
    return LaunchedPages(site, pages, start, sessions, LaunchEdge(keys, record, feed_back))


@contextlib.asynccontextmanager
async def launching(pages: LaunchedPages | None) -> AsyncIterator[None]:
    """Authorization servers of EHRs can be asked meanwhile, where one starts this service."""
    if pages is None:
        yield
        return
    async with httpx.AsyncClient(
        transport=locked_transport(),
        verify=client_context(),
        follow_redirects=False,
        trust_env=False,
        timeout=10.0,
    ) as http:
        pages.launching.client.http = http
        try:
            yield
        finally:
            pages.launching.client.http = None


def _clients(settings: Settings) -> Iterator[SmartClient]:
    for entry in settings.clients:
        if entry.smart_launch:
            bases = entry.fhir_bases or settings.fhir.allowed_bases
            yield SmartClient(entry.name, entry.smart_client_id, _secret(entry), tuple(bases))


def _secret(entry: ClientEntry) -> str:
    if entry.smart_client_secret is None:
        return ""
    hint = "Set smart_client_secret to a file that the service's user can read."
    raw = read_private(
        entry.smart_client_secret, what="the app's secret", hint=hint, error=SmartSecretUnusable
    )
    text = raw.decode("ascii", "replace").strip()
    if not text or not text.isascii() or not text.isprintable():
        where = "smart_client_secret"
        raise SmartSecretUnusable("the app's secret is no line of text", where=where, hint=hint)
    return text


def _is_listed(listed: AllowList, url: str) -> bool:
    base = ServerBase.parse(url)
    return base is not None and listed.url(base.scheme, base.host, base.port)
