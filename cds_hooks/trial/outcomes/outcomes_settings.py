"""Settings of `chartside trial outcomes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from cds_hooks.gather.fhir_settings import FhirBase
from cds_hooks.section import Section, Unset

__all__ = ["TrialOutcomesSettings"]


def _zone(value: str) -> str:
    try:
        return value and ZoneInfo(value).key
    except (ValueError, OSError, LookupError):
        raise ValueError("must be a time zone as `Europe/Berlin`") from None


class TrialOutcomesSettings(Section):
    """Of `chartside trial outcomes`, which reads afterwards, with credentials of its own, what
    patients turned out to have (docs/operators/trial-outcomes.md)."""

    fhir_server: Annotated[FhirBase | None, Unset] = Field(
        None, description="Base of the FHIR server that is read; unset: the only one of "
        "`fhir.allowed_bases`.",
    )  # fmt: skip
    known_as: tuple[FhirBase, ...] = Field(
        (), description="Other addresses by which hooks named this server."
    )
    hooks_without_server: bool = Field(
        False, description="Whether hooks that named no FHIR server were about its patients: only "
        "where one EHR calls, or an id of another would be taken for one of this server.",
    )  # fmt: skip
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
    token_file: Annotated[Path | None, Unset] = Field(
        None, description="File with a bearer token instead, readable by its owner alone."
    )
    authority: Annotated[Path | None, Unset] = Field(
        None, description="Who signed the server's certificate (PEM); unset: the system's."
    )
    rules: Annotated[Path | None, Unset] = Field(
        None, description="What counts as an outcome (TOML); unset: the rules that ship."
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "", description="In which a date of the chart is a day; empty: this machine's."
    )
    again_after_h: float = Field(
        20.0,
        ge=0,
        description="Hours after which a consultation whose window is open is read again.",
    )
    reads_per_minute: float = Field(120.0, gt=0, description="Requests to the FHIR server.")
    longest_pause_s: float = Field(
        300.0, ge=0, description="Longest pause that a busy server is granted; past it a run ends."
    )
