"""What protects an installation by its own settings, in words for documents."""

from __future__ import annotations

from collections.abc import Iterator

from cds_hooks.runtime.egress import of_service
from cds_hooks.settings import Settings

__all__ = ["protections"]


def protections(settings: Settings) -> Iterator[str]:
    """Who may call, how it is encrypted, what may leave, how records are kept."""
    yield _callers(settings)
    yield _transport(settings)
    yield from _egress(settings)
    users = "in clear" if settings.ledger.users == "plain" else "as keyed hashes"
    yield (
        "Stored charts and answers are encrypted with a key for each patient. The ledger is a "
        f"Merkle tree with signed checkpoints and names users {users}."
    )


def _callers(settings: Settings) -> str:
    count = len(settings.clients)
    if not count:
        return "No client is set: whoever reaches the service's address may call it."
    return f"A call needs a signed token of one of {count} clients; each token is good once."


def _transport(settings: Settings) -> str:
    if settings.tls.certificate is not None:
        return f"The service ends TLS itself, version {settings.tls.least} at least."
    if settings.proxy.addresses:
        return "A declared proxy ends TLS before the service."
    return f"No TLS is set; the service listens on {settings.server.host}."


def _egress(settings: Settings) -> Iterator[str]:
    allowed = sorted({str(each) for each in of_service(settings)})
    told = ", ".join(allowed) if allowed else "none"
    if settings.egress.lock:
        yield f"A lock refuses every network destination that no setting lists; listed are: {told}."
    else:
        yield "The lock on network destinations is switched off."
    if settings.model_server.bases:
        yield "Prompts go to a model server of the site, which is on that list."
    else:
        confined = settings.egress.confine_engine
        yield f"The engine's process is confined (network, files): {confined}."
