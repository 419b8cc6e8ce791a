"""A word that must nowhere be found in clear, and the ledger's records, for several tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.audit.tampering import rows

SENTINEL = "Zyzzogeton-sentinel"


def events(where: Path | str, type_: str) -> list[dict[str, Any]]:
    """The ledger's records of one type, the oldest first."""
    found = rows(where, f"SELECT record FROM ledger WHERE type = '{type_}' ORDER BY seq")
    return [json.loads(bytes(row[0])) for row in found]
