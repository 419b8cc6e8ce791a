"""A bearer key in a file, read each time it is used so that it can be changed under way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.inference.remote.server_faults import FaultCode, fault_error

__all__ = ["KeyFile"]

_KEY = re.compile(r"[!-~]{1,4096}")


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The file of a server's key; the key itself is kept nowhere."""

    path: Path

    def headers(self) -> dict[str, str]:
        """The Authorization header (RFC 6750). Raises ServerAway when there is no usable key."""
        key = self._read()
        if key is None or not _KEY.fullmatch(key):
            raise fault_error(FaultCode.KEY_UNUSABLE, where=self.path.name)
        return {"Authorization": f"Bearer {key}"}

    def _read(self) -> str | None:
        try:
            return self.path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
