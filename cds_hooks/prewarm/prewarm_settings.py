"""Settings of `chartside prewarm`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cds_hooks.gather.fhir_settings import FhirBase
from cds_hooks.section import Section, Unset

__all__ = ["PrewarmSettings"]


class PrewarmSettings(Section):
    """Of `chartside prewarm`, which reads tomorrow's charts ahead (docs/operators/prewarm.md)."""

    fhir_server: Annotated[FhirBase | None, Unset] = Field(
        None,
        description="Base of the FHIR server, one of `fhir.allowed_bases`, as EHRs name it; "
        "unset: the only one there is.",
    )
    client_id: str = Field("", description="The id under which that server knows the command.")
    key: Annotated[Path | None, Unset] = Field(
        None, description="The private key's file (PEM, readable by its owner alone)."
    )
    key_id: str = Field("", description="The key's `kid`; empty: its thumbprint.")
    algorithm: Literal["ES384", "RS384"] = Field("ES384", description="Of the signature.")
    token_url: Annotated[FhirBase | None, Unset] = Field(
        None, description="The token endpoint; unset: the one that the FHIR server names."
    )
    scope: str = Field("", description="Scopes; empty: reading and searching what is read.")
    reads_per_minute: float = Field(300.0, gt=0, description="Requests to the FHIR server.")
    concurrency: int = Field(2, gt=0, le=8, description="Patients at one time.")
    longest_pause_s: float = Field(
        300.0, ge=0, description="Longest pause that a busy server is granted; past it a run ends."
    )
