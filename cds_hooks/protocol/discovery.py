"""What discovery says of each service (CDS Hooks 2.0.1, with the harmless additions of 3.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SPECIFICATION_VERSION", "Discovery", "ServiceEntry"]

SPECIFICATION_VERSION = "2.0.1"
"""The release of the specification that the services are built to."""


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """One service. `prefetch` maps a key to its template; `version` is the specification's."""

    id: str
    hook: str
    title: str
    description: str
    usage_requirements: str = ""
    prefetch: Mapping[str, str] = field(default_factory=dict)
    version: str = SPECIFICATION_VERSION
    hook_version: str = ""
    extension: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Discovery:
    """The answer of `GET {base}/cds-services`; no service is an answer too."""

    services: tuple[ServiceEntry, ...] = ()
