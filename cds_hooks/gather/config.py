"""What a site allows gathering to do: which FHIR servers, how long, how much."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.gather.server_base import ServerBase

__all__ = ["GatherConfig"]


@dataclass(frozen=True, slots=True)
class GatherConfig:
    """Bounds of one hook call. By default no FHIR server is allowed and nothing is fetched.

    `allowed_bases` are URLs at or under which `fhirServer` has to lie. `same_server_hosts` are
    further `host[:port]` under which references name the same server's patients (a proxy's name).
    Times are seconds; `read_seconds` bounds one read, page by page. `max_bytes` bounds one answer
    and `max_total_bytes` all of them. `max_resources` and `max_pages` bound one prefetch key.
    Raises ValueError for a base that is not a plain http or https URL.
    """

    allowed_bases: tuple[str, ...] = ()
    same_server_hosts: tuple[str, ...] = ()
    connect_seconds: float = 1.0
    read_seconds: float = 2.5
    max_bytes: int = 8 * 2**20
    max_total_bytes: int = 48 * 2**20
    max_pages: int = 20
    max_resources: int = 5000
    max_references: int = 25
    concurrency: int = 6

    def __post_init__(self) -> None:
        for place, text in enumerate(self.allowed_bases):
            if ServerBase.parse(text) is None:
                raise ValueError(f"allowed_bases[{place}] is not a plain http or https URL")
