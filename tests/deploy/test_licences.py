"""Every locked runtime package has a licence on record."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_runtime_package_is_on_the_page_with_a_licence() -> None:
    locked = re.findall(
        r"^([a-z0-9._-]+)==", (ROOT / "deploy/locks/runtime.txt").read_text(), re.MULTILINE
    )
    rows = dict(
        re.findall(
            r"^\| ([a-z0-9._-]+) \| [^|]+ \| ([^|]+) \|$",
            (ROOT / "docs/reviewers/licences.md").read_text(),
            re.MULTILINE,
        )
    )
    assert set(locked) <= set(rows)
    assert [name for name in locked if "see package" in rows[name]] == []
