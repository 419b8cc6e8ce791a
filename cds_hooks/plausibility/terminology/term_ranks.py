"""How directly a source says that a term names a concept; the lower rank wins."""

from __future__ import annotations

__all__ = ["DERIVED", "INCLUSION", "NOTE", "PREFERRED"]

PREFERRED = 0
"""The title or heading itself."""
INCLUSION = 1
"""An inclusion term or an entry term."""
DERIVED = 2
"""One of these without remarks in brackets or "unspecified"."""
NOTE = 3
"""Only a reference to the concept in a note, or a term that means it in another context."""
