"""Every item of the conformance list has a test named after it, or a reason why it has none.

`docs/integrators/conformance.md` is that table. To write it:
`python tests/app/test_conformance_table.py`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "integrators" / "conformance.md"
ITEMS = [*range(1, 63), 72]
PACKAGES = ("app", "protocol", "services")
LIST = tomllib.loads((Path(__file__).parent / "conformance.toml").read_text("utf-8"))

HEAD = """\
# CDS Hooks conformance, item by item

What CDS Hooks 2.0.1 asks of a service, with the additions of the 3.0 draft that do no harm, and the
tests that show it. Each test runs against the real ASGI application. Made from the tests; a test
keeps it up to date. The packages behind it (reading the chart, making the cards) have further
tests named after the same items: `grep -rn test_item_ tests`.

| item | what is asked | tests | note |
|---|---|---|---|
"""


def named_by_item() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / "tests" / package).glob("test_*.py")):
            for name in re.findall(
                r"^(?:async )?def (test_item_(?:\d+)_\w+)", path.read_text(), re.MULTILINE
            ):
                number = int(name.split("_")[2])
                found.setdefault(number, []).append(f"`{path.stem}::{name}`")
    return found


def page() -> str:
    tests = named_by_item()
    rows = []
    for number in ITEMS:
        entry = LIST[str(number)]
        names = "<br>".join(tests.get(number, ["none"]))
        rows.append(f"| {number} | {entry['asks']} | {names} | {entry.get('note', '')} |\n")
    return HEAD + "".join(rows)


@pytest.mark.parametrize("number", ITEMS)
def test_each_item_has_a_test_or_a_reason(number):
    has_test = number in named_by_item()
    reason = LIST[str(number)].get("untested", False) and LIST[str(number)]["note"]
    assert has_test != bool(reason)


def test_the_list_has_no_item_too_many():
    assert sorted(map(int, LIST)) == ITEMS
    assert set(named_by_item()) <= set(ITEMS)


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == page(), "run: python tests/app/test_conformance_table.py"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"{PAGE}\n")
