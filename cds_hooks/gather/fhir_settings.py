"""Settings of FHIR servers: which may be read, how long and how much."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cds_hooks.gather.server_base import ServerBase
from cds_hooks.section import Section

__all__ = ["FhirBase", "FhirSettings", "FhirVersion", "GatherConfig"]


def _base(value: str) -> str:
    if ServerBase.parse(value) is None:
        raise ValueError("must be a plain http or https URL")
    return value


FhirBase = Annotated[str, AfterValidator(_base)]
FhirVersion = Literal["", "STU3", "R4", "R4B", "R5"]


class FhirSettings(Section):
    """FHIR servers that hooks may name; without any, only what the EHR prefetched is used."""

    allowed_bases: tuple[FhirBase, ...] = Field((), description="FHIR servers that may be read.")
    same_server_hosts: tuple[str, ...] = Field((), description="Other names of those servers.")
    version: FhirVersion = Field(
        "", description="What clients send, where no server tells; empty: decided by shape."
    )
    gather_within_s: float = Field(1.2, gt=0, description="Seconds for all reads of one hook.")
    connect_s: float = Field(1.0, gt=0, description="Seconds to connect.")
    read_s: float = Field(2.5, gt=0, description="Seconds for one read.")
    max_bytes: int = Field(8 * 2**20, gt=0, description="Largest answer that is read.")
    max_pages: int = Field(20, gt=0, description="Pages followed for one prefetch key.")
    max_resources: int = Field(5000, gt=0, description="Resources taken for one prefetch key.")


class GatherConfig(FhirSettings):
    """`[fhir]` with the bounds of one hook call that no site sets.

    `max_total_bytes` bounds all answers together, `max_references` the references followed for one
    prefetch key, `concurrency` the requests at one time.
    """

    max_total_bytes: int = 48 * 2**20
    max_references: int = 25
    concurrency: int = 6
