"""What a site agreed with one CDS client: which servers it may name, what it sends, what it shows.

A patient's id means something on one server only. So what a client says of a server that is not
its own is kept apart under that client: it must not find, nor replace, another's answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.consultation import Caller
from cds_hooks.gather.server_base import allowed_base

__all__ = ["ClientTerms", "patient_scope"]


@dataclass(frozen=True, slots=True)
class ClientTerms:
    """`fhir_version` is what it sends where no server tells; `smart`: its cards start this service
    as an app."""

    fhir_bases: tuple[str, ...]
    fhir_version: str | None
    card_profile: str
    smart: bool = False


def patient_scope(terms: ClientTerms | None, caller: Caller | None, fhir_server: str) -> str:
    """Within what a patient's id is one patient: a server, or what one client (tenant) calls so."""
    if caller is None or not caller.client:
        return fhir_server
    if terms is not None and allowed_base(fhir_server, terms.fhir_bases) is not None:
        return fhir_server
    return f"client:{caller.client}/{caller.tenant}|{fhir_server}"
