"""What the parts are given: settings, how to read the FHIR server, and the clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cds_hooks.cds_client.server_chart import FhirAccess
from cds_hooks.settings import Settings

__all__ = ["Context"]


@dataclass(frozen=True, slots=True)
class Context:
    """Settings that were validated, whether or not they would start a service.

    `access` is a FHIR server of the command line in place of the listed ones; `patient` and
    `encounter` are ids on the server; `token` is a bearer token for the listed one, if one is.
    """

    settings: Settings
    config: Path | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    access: FhirAccess | None = None
    token: str = field(default="", repr=False)
    patient: str = field(default="", repr=False)
    encounter: str = field(default="", repr=False)
    now: Callable[[], float] = time.time
