"""What the `production` profile asks of a site, and what of it these settings lack.

A package that makes production safer adds one function to `_REQUIREMENTS`: from settings to what is
lacking. The service starts in production only when nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cds_hooks.settings.client_requirements import client_lacks
from cds_hooks.settings.schema import Settings

__all__ = ["Lack", "lacks"]


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that production lacks: a stable `code`, the key it is about, what to do."""

    code: str
    key: str
    todo: str


def lacks(settings: Settings) -> tuple[Lack, ...]:
    """All that keeps these settings from the production profile; empty when it may start."""
    return tuple(lack for requirement in _REQUIREMENTS for lack in requirement(settings))


def _clients(settings: Settings) -> Iterator[Lack]:
    return (Lack(*found) for found in client_lacks(settings))


def _encryption(settings: Settings) -> Iterator[Lack]:
    # Read here: it reads the store's code, which a service that starts can do after its engine.
    from cds_hooks.settings.store_requirements import record_lacks

    return (Lack(*found) for found in record_lacks(settings))


def _egress(settings: Settings) -> Iterator[Lack]:
    if not settings.egress.lock:
        yield Lack("egress-not-locked", "egress.lock", "Leave it on; list what is missing.")
    if settings.egress.confine_engine == "off":
        todo = "Set where-possible or required: the engine reads charts and untrusted files."
        yield Lack("engine-not-confined", "egress.confine_engine", todo)


def _ledger(settings: Settings) -> Iterator[Lack]:
    server = settings.witness.fhir_server
    kept = settings.ledger.witness_folder or settings.ledger.witness_syslog or server
    if not kept:
        todo = "Copy checkpoints to a folder, a log or a FHIR server of another machine."
        yield Lack("ledger-without-witness", "ledger.witness_folder", todo)
    if server and not server.lower().startswith("https://"):
        yield Lack("witness-not-https", "witness.fhir_server", "Use https.")


def _openid(settings: Settings) -> Iterator[Lack]:
    if settings.openid.issuer and not settings.openid.issuer.startswith("https://"):
        yield Lack("openid-not-https", "openid.issuer", "Use https.")


def _models(settings: Settings) -> Iterator[Lack]:
    wanted = settings.admission
    if wanted.folder is None:
        todo = "Admit the model for clinical use (chartside models admit), and name the folder."
        yield Lack("admission-missing", "admission.folder", todo)
    elif wanted.required == "demonstration":
        todo = "Leave it empty, or set clinical: this profile is not for demonstrations."
        yield Lack("admission-for-demonstration", "admission.required", todo)


def _capture(settings: Settings) -> Iterator[Lack]:
    if settings.capture.folder is not None and not settings.capture.reason.strip():
        todo = "Say why calls are captured, or unset capture.folder; the ledger records it."
        yield Lack("capture-without-reason", "capture.reason", todo)


# One function a requirement, in the order in which a site is told of them.
_REQUIREMENTS: tuple[Callable[[Settings], Iterator[Lack]], ...] = (
    _clients,
    _encryption,
    _egress,
    _ledger,
    _openid,
    _models,
    _capture,
)
