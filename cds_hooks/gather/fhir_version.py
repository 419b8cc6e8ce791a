"""Which FHIR version a server speaks, by its CapabilityStatement, remembered for a while."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from cds_hooks.gather.fhir_client import FhirClient, ReadError
from cds_hooks.gather.server_base import ServerBase

__all__ = ["VersionCache", "version_of"]

_VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,3})?(-[A-Za-z0-9.]{1,20})?")


class VersionCache:
    """At most `size` servers; an answer holds for `ttl_seconds`, none for `retry_seconds`."""

    def __init__(
        self, size: int = 64, ttl_seconds: float = 3600, retry_seconds: float = 60
    ) -> None:
        self._size = size
        self._ttl = ttl_seconds
        self._retry = retry_seconds
        self._known: dict[ServerBase, tuple[str | None, float]] = {}

    def known(self, base: ServerBase) -> str | None:
        """What a server said when it was last asked."""
        return self._known.get(base, (None, 0.0))[0]

    async def ask(self, client: FhirClient) -> str | None:
        """The server's `fhirVersion`, such as "4.0.1"; None when it does not say."""
        now = asyncio.get_running_loop().time()
        version, until = self._known.get(client.base, (None, 0.0))
        if now < until:
            return version
        try:
            version = version_of(await client.read("metadata"))
        except ReadError:
            version = None
        self._remember(client.base, version, now)
        return version

    def _remember(self, base: ServerBase, version: str | None, now: float) -> None:
        self._known.pop(base, None)
        while len(self._known) >= self._size:
            del self._known[next(iter(self._known))]
        self._known[base] = (version, now + (self._ttl if version else self._retry))


def version_of(statement: Any) -> str | None:
    """STU3 to R5: `CapabilityStatement.fhirVersion`; DSTU2 has it in a `Conformance`."""
    if not isinstance(statement, dict):
        return None
    if statement.get("resourceType") not in ("CapabilityStatement", "Conformance"):
        return None
    version = statement.get("fhirVersion")
    usable = isinstance(version, str) and _VERSION.fullmatch(version)
    return version if usable else None
