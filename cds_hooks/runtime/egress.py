"""From settings to the allow-list, and the lock beneath the service.

Three layers: the HTTP client's transport, the audit hook beneath all Python code, and for native
code (libpq) Landlock, which bounds the TCP ports that this process can connect to at all.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from cds_hooks.inference.worker.sandbox import landlock
from cds_hooks.settings import Settings
from cds_hooks.trust.egress.destinations import AllowList, Destination, parse
from cds_hooks.trust.egress.hook import install, installed
from cds_hooks.trust.egress.lock import EgressLock, Program, RefusedAccess

if TYPE_CHECKING:
    import httpx
    from prometheus_client import CollectorRegistry

__all__ = [
    "attach",
    "bound_ports",
    "egress_checks",
    "guarded",
    "lock_egress",
    "lock_prewarm",
    "lock_trial_outcomes",
    "locked_transport",
    "make_lock",
    "of_prewarm",
    "of_service",
    "of_trial_outcomes",
    "refused_ways",
]

_ENGINE = "cds_hooks.inference.worker"
_HAS_PORT = re.compile(r"(?<=[^:]):\d+$|(?<=\]):\d+$")


def of_service(settings: Settings) -> tuple[Destination, ...]:
    """Whom the service may speak to, each with the setting that says so.

    Raises DestinationInvalid, naming the setting.
    """
    return tuple(parse(text, setting) for setting, text in _listed(settings))


def of_prewarm(settings: Settings) -> tuple[Destination, ...]:
    """Whom `chartside prewarm` may speak to: the FHIR server, its token endpoint, the service."""
    listed = list(_many("fhir.allowed_bases", settings.fhir.allowed_bases))
    listed += _many("egress.allow", settings.egress.allow)
    if settings.prewarm.token_url:
        listed.append(("prewarm.token_url", settings.prewarm.token_url))
    return tuple(parse(text, setting) for setting, text in listed)


def of_trial_outcomes(settings: Settings) -> tuple[Destination, ...]:
    """Whom `chartside trial outcomes` may speak to: its FHIR server, the token endpoint, and where
    the store and its key are."""
    listed = [
        (f"trial_outcomes.{key}", url)
        for key in ("fhir_server", "token_url")
        if (url := getattr(settings.trial_outcomes, key))
    ]
    if not settings.trial_outcomes.fhir_server:
        listed += _many("fhir.allowed_bases", settings.fhir.allowed_bases)
    listed += _database(settings.store.path)
    if settings.key_vault.address:
        listed.append(("key_vault.address", settings.key_vault.address))
    return tuple(parse(text, setting) for setting, text in listed)


def make_lock(settings: Settings, port: int) -> EgressLock:
    """The service's lock, not yet installed: it may listen, and start the engine, and no more."""
    return EgressLock(
        AllowList(of_service(settings), settings.egress.networks),
        listeners=[(settings.server.host, port)],
        programs=[Program(sys.executable, _ENGINE)],
    )


def lock_egress(settings: Settings, port: int) -> EgressLock | None:
    """Lock this process in for good; None where the settings say that it is not locked.

    To be called before there are threads: Landlock binds the one that asks and those it begins.
    """
    if not settings.egress.lock:
        return None
    lock = make_lock(settings, port)
    bound_ports(lock.allowed.ports)
    install(lock)
    return lock


def lock_prewarm(settings: Settings, port: int) -> None:
    """Lock `chartside prewarm` in: it listens nowhere and starts nothing."""
    if not settings.egress.lock:
        return
    hosts = {settings.server.host, "127.0.0.1", "[::1]"} - {"0.0.0.0", "::"}  # noqa: S104
    written = (f"[{host}]" if host.count(":") > 1 and host[0] != "[" else host for host in hosts)
    service = [parse(f"{host}:{port}", "server.host") for host in written]
    lock = EgressLock(AllowList([*of_prewarm(settings), *service], settings.egress.networks))
    bound_ports(lock.allowed.ports)
    install(lock)


def lock_trial_outcomes(settings: Settings) -> None:
    """Lock `chartside trial outcomes` in: it listens nowhere and starts nothing."""
    if not settings.egress.lock:
        return
    lock = EgressLock(AllowList(of_trial_outcomes(settings), settings.egress.networks))
    bound_ports(lock.allowed.ports)
    install(lock)


def bound_ports(ports: Iterable[int]) -> bool:
    """Bound the TCP ports of native code as well; whether the kernel does so."""
    try:
        return landlock.restrict(None, ports=ports) >= 4
    except OSError:
        return False


def attach(registry: CollectorRegistry, log: Any) -> None:
    """Tell log and metrics of what the installed lock refuses."""
    lock = installed()
    if lock is None:
        return

    def tell(refusal: RefusedAccess) -> None:
        log.warning(
            "egress-refused",
            code="egress-refused",
            way=refusal.way,
            host=refusal.host,
            port=refusal.port,
            **({"reason": refusal.why} if refusal.why else {}),
        )

    lock.tell = tell
    registry.register(_Counts(lock))


def refused_ways() -> Mapping[str, int]:
    """How many ways out the installed lock has refused so far, by way."""
    lock = installed()
    return {} if lock is None else lock.counts


def locked_transport() -> httpx.AsyncBaseTransport | None:
    """A transport for an HTTP client, with the lock in front; None where there is no lock."""
    if installed() is None:
        return None
    import httpx

    from cds_hooks.tls_client import client_context

    return guarded(httpx.AsyncHTTPTransport(verify=client_context(), trust_env=False))


def guarded(transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """The transport with the lock in front; itself where there is no lock."""
    from cds_hooks.trust.egress.transport import LockedTransport

    lock = installed()
    return transport if lock is None else LockedTransport(transport, lock)


def egress_checks(engine: object) -> Mapping[str, str]:
    """For `/readyz`: whether the lock is on, and what the engine process has given up.

    They say and do not decide: an engine that must be confined and is not does not become ready.
    """
    told: Mapping[str, str] = getattr(engine, "confinement", {})
    confined = told.get("confined", "")
    checks = {"egress_lock": "ok" if installed() else "off"}
    return checks | ({"engine_confined": "ok" if confined == "yes" else confined} if told else {})


class _Counts:
    """The lock's counts, as Prometheus collects them."""

    def __init__(self, lock: EgressLock) -> None:
        self._lock = lock

    def collect(self) -> Iterator[Any]:
        """One counter, by way."""
        from prometheus_client.core import CounterMetricFamily

        text = "Ways out that were refused."
        found = CounterMetricFamily("chartside_egress_refused", text, labels=["way"])
        for way, count in sorted(self._lock.counts.items()):
            found.add_metric([way], count)
        yield found


def _listed(settings: Settings) -> Iterator[tuple[str, str]]:
    yield from _many("fhir.allowed_bases", settings.fhir.allowed_bases)
    yield from _many("model_server.bases", settings.model_server.bases)
    for place, server in enumerate(settings.panel.servers):
        yield from _many(f"panel.servers[{place}].bases", server.bases)
    for place, client in enumerate(settings.clients):
        if client.jku and not (client.jwks_file or client.jwks):
            yield f"clients[{place}].jku", client.jku
    if settings.openid.issuer:
        yield "openid.issuer", settings.openid.issuer
    yield from _database(settings.store.path)
    if settings.key_vault.address:
        yield "key_vault.address", settings.key_vault.address
    if settings.telemetry.endpoint:
        yield "telemetry.endpoint", settings.telemetry.endpoint
    if settings.ledger.witness_syslog:
        yield "ledger.witness_syslog", "unix:/dev/log"
    for key in ("fhir_server", "token_url"):
        if url := getattr(settings.witness, key):
            yield f"witness.{key}", url
    yield from _many("egress.allow", settings.egress.allow)


def _many(setting: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((f"{setting}[{place}]", text) for place, text in enumerate(texts))


def _database(place: str) -> Iterator[tuple[str, str]]:
    """The hosts that libpq would connect to: of the URL, its query, or the environment."""
    url = urlsplit(place)
    if not url.scheme.startswith("postgresql"):
        return
    query = parse_qs(url.query)
    asked = ",".join(query.get("host", ())) or url.netloc.rpartition("@")[2]
    ports = ",".join(query.get("port", ())) or os.environ.get("PGPORT", "5432")
    for host in filter(None, (asked or os.environ.get("PGHOST", "")).split(",")):
        for port in ports.split(","):
            if host.startswith("/"):
                yield "store.path", f"unix:{host}/.s.PGSQL.{port}"
            else:
                own = _HAS_PORT.search(host) is not None
                yield "store.path", f"postgresql://{host}" if own else f"postgresql://{host}:{port}"
