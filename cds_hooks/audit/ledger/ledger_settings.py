"""Settings of the ledger: who signs it, how often, and where copies of its checkpoints go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cds_hooks.gather.fhir_settings import FhirBase
from cds_hooks.section import Section, Unset

__all__ = ["LedgerSettings", "WitnessSettings"]


class LedgerSettings(Section):
    """Who was shown what, when and why, in signed records (docs/reviewers/ledger.md)."""

    name: str = Field(
        "chartside",
        pattern=r"^[^\s+]{1,200}$",
        description="The name it is signed under, such as the service's host name.",
    )
    signing_key: Annotated[Path | None, Unset] = Field(
        None, description="Ed25519 key (PEM) of checkpoints; unset: `ledger.key` beside the site's."
    )
    earlier_keys: tuple[str, ...] = Field(
        (), description="Public keys (`name+id+base64`) that signed before the present one."
    )
    every_s: float = Field(60.0, gt=0, description="Seconds after which records are signed.")
    every_records: int = Field(1000, gt=0, description="Records after which they are signed.")
    verify_every_s: float = Field(
        86_400.0, gt=0, description="Seconds after which the service verifies new records itself."
    )
    verify_all_every_s: float = Field(
        604_800.0, gt=0, description="Seconds after which it verifies all records again."
    )
    when_damaged: Literal["not-ready", "ready"] = Field(
        "not-ready",
        description="What `/readyz` says when it finds the ledger damaged; hooks are answered.",
    )
    witness_folder: Annotated[Path | None, Unset] = Field(
        None, description="Folder on another machine for copies of checkpoints."
    )
    witness_syslog: bool = Field(False, description="Send checkpoints to the system's log, too.")
    users: Literal["keyed", "plain"] = Field(
        "keyed", description="Whether users stand in records by a keyed hash or by their id."
    )


class WitnessSettings(Section):
    """A FHIR server that keeps copies of checkpoints (docs/reviewers/fhir-witness.md).

    With a key, its token is asked for by SMART Backend Services with the scope
    `system/DocumentReference.crs`.
    """

    fhir_server: Annotated[FhirBase | None, Unset] = Field(
        None, description="Base of a FHIR server (R4 or later) for copies of checkpoints."
    )
    client_id: str = Field("", description="The id under which that server knows the service.")
    key: Annotated[Path | None, Unset] = Field(
        None, description="Private key (PEM) that a token is asked for with; unset: no token."
    )
    key_id: str = Field("", description="The key's `kid`; empty: its thumbprint.")
    algorithm: Literal["ES384", "RS384"] = Field("ES384", description="Of the signature.")
    token_url: Annotated[FhirBase | None, Unset] = Field(
        None, description="The token endpoint; unset: the one that the FHIR server names."
    )

    @model_validator(mode="after")
    def _a_key_has_a_client(self) -> Self:
        if (self.key is None) != (not self.client_id):
            raise ValueError("client_id and key belong together")
        if self.key is not None and self.fhir_server is None:
            raise ValueError("a key without fhir_server serves nothing")
        return self
