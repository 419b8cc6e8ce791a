"""The table of `docs/operators/model-servers.md`, from what is known: `python -m` prints it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from pydantic import HttpUrl

from cds_hooks.inference.remote.misbehaviour import misbehaviours

__all__ = ["table"]

_REPORT = re.compile(r"https://github\.com/([^/]+)/([^/]+)/(?:issues|pull)/([0-9]+)")


def table() -> str:
    """Code, what is seen, what to set, and the reports, each known misbehaviour in a row."""
    cells = (
        (f"`{m.code}`", _cell(f"{m.servers}: {m.seen}"), _cell(m.switch), _links(m.sources))
        for m in misbehaviours().misbehaviour
    )
    rows = (f"| {' | '.join(row)} |" for row in cells)
    return "\n".join(["| code | seen | set | reports |", "|---|---|---|---|", *rows]) + "\n"


def _cell(text: str) -> str:
    """A bar would end the cell, even within a code span."""
    return text.replace("|", r"\|")


def _links(sources: Iterable[HttpUrl]) -> str:
    return ", ".join(f"[{_short(str(url))}]({url})" for url in sources)


def _short(url: str) -> str:
    found = _REPORT.fullmatch(url)
    if found is None:
        raise ValueError("a source must be an issue or a pull request")
    return f"{found[2].removesuffix('-bug-tracker')} {found[3]}"


if __name__ == "__main__":
    sys.stdout.write(table())
