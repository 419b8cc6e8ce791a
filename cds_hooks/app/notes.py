"""What the layers of the edge tell each other about one exchange."""

from __future__ import annotations

import re
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from cds_hooks.consultation import Caller

__all__ = ["Notes", "notes_of", "place_of"]

_KEY = "chartside.notes"
_ROOT = Path(__file__).resolve().parents[2]
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(slots=True)
class Notes:
    """Written by whoever knows; read once at the end. See `Exchange` and `RequestInfo` for the
    fields."""

    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    received: float = field(default_factory=time.monotonic)
    service: str = ""
    code: str = ""
    fault: str = ""
    caller: Caller = field(default_factory=Caller)
    shed: bool = False


def notes_of(scope: Any) -> Notes:
    """The notes of an exchange; every copy of its scope has the same ones."""
    notes: Notes = scope.setdefault(_KEY, None) or Notes()
    scope[_KEY] = notes
    return notes


def place_of(error: BaseException) -> str:
    """Type and place of an exception, as `KeyError at cds_hooks/x.py:12`; its text may hold PHI."""
    place = "unknown"
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(_ROOT) and not file.is_relative_to(sys.prefix):
            place = f"{file.relative_to(_ROOT)}:{trace.tb_lineno}"
        trace = trace.tb_next
    name = type(error).__name__
    return f"{name if _PLAIN.fullmatch(name) else 'exception'} at {place}"
