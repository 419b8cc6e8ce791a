"""The threat model's tables as data, so that an installed service has them.

`python -m cds_hooks.compliance.threat_rows` in a checkout writes `data/threats.toml` from
THREAT_MODEL.md; `--check` only compares. A test compares, too.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict

__all__ = ["Threat", "main", "read_threats", "rows_of", "threats"]

_CHECKOUT = Path(__file__).resolve().parents[2]
_PLACE = Path(__file__).with_name("data") / "threats.toml"
_HEAD = (
    "# Made from THREAT_MODEL.md by `python -m cds_hooks.compliance.threat_rows`; do not edit.\n"
)
_WAY = re.compile(r"^### (W\d+)\. ")
_TEST = re.compile(r"`(tests/[\w/]+\.py::\w+)`")
_COLUMNS = 3


class Threat(BaseModel):
    """One row: the entry point (`W1`), the threat, its control, and tests that show the control."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    way: str
    threat: str
    control: str
    tests: tuple[str, ...]


@cache
def threats() -> tuple[Threat, ...]:
    """The rows that this version ships."""
    text = files("cds_hooks.compliance").joinpath("data/threats.toml").read_text("utf-8")
    return tuple(Threat.model_validate(row) for row in tomllib.loads(text)["threats"])


def read_threats(page: str) -> Iterator[Threat]:
    """The rows of the page's tables of threats, in order."""
    way = ""
    for line in page.splitlines():
        if line.startswith("## "):
            way = ""
        if found := _WAY.match(line):
            way = found[1]
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if way and line.startswith("| ") and len(cells) == _COLUMNS and _TEST.search(cells[2]):
            threat, control = (cell.replace("**P**", "(production)") for cell in cells[:2])
            yield Threat(
                way=way, threat=threat, control=control, tests=tuple(_TEST.findall(cells[2]))
            )


def rows_of(page: str) -> str:
    """The data file that belongs to this page."""
    rows = []
    for each in read_threats(page):
        fields = each.model_dump(mode="json").items()
        # A JSON text or list of texts is written as TOML writes it.
        rows.append("\n".join(f"{name} = {orjson.dumps(value).decode()}" for name, value in fields))
    return _HEAD + "".join(f"\n[[threats]]\n{row}\n" for row in rows)


def main() -> int:
    """0 when the file is as it should be, or was written."""
    wanted = rows_of((_CHECKOUT / "THREAT_MODEL.md").read_text("utf-8"))
    if "--check" in sys.argv:
        return int(not _PLACE.is_file() or _PLACE.read_text("utf-8") != wanted)
    _PLACE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
