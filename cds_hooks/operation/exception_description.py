"""An exception in words that cannot hold what it was about: types, codes and places."""

from __future__ import annotations

import re
import sys
import traceback
from pathlib import Path

from cds_hooks.errors import ChartsideError

__all__ = ["describe"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEEPEST = 6
_LONGEST_CHAIN = 4
_PACKAGES = Path(__file__).resolve().parents[2]


def describe(error: BaseException) -> str:
    """`StoreUnavailable(store-unavailable) at cds_hooks/audit/writer.py:88 < ...; after OSError`.

    The innermost place comes first. No message and no local variable: they may quote a chart.
    """
    said = [_one(error)]
    seen = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen and len(said) < _LONGEST_CHAIN:
        said.append(f"after {_one(cause)}")
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
    return "; ".join(said)


def _one(error: BaseException) -> str:
    name = type(error).__name__
    known = name if _NAME.fullmatch(name) else "exception"
    code = f"({error.code})" if isinstance(error, ChartsideError) else ""
    # The lines of source are not read: only the numbers are told.
    found = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), lookup_lines=False
    )
    frames = [f"{_place(frame.filename)}:{frame.lineno}" for frame in list(found)[-_DEEPEST:]]
    return f"{known}{code}" + (f" at {' < '.join(reversed(frames))}" if frames else "")


def _place(filename: str) -> str:
    """A path that starts at a package: where the service is installed is nobody's business."""
    path = Path(filename)
    parts = path.parts
    if "site-packages" in parts:
        return "/".join(parts[parts.index("site-packages") + 1 :])
    for root in (_PACKAGES, *(Path(entry) for entry in sys.path if entry)):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name
