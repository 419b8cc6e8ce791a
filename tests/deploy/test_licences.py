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


def test_libraries_that_wheels_bundle_are_on_the_page() -> None:
    page = (ROOT / "docs/reviewers/licences.md").read_text()
    _, _, bundled = page.partition("## Libraries that wheels bundle")
    assert re.search(r"numpy [\d.]+ \| GCC runtime library \| GPL-3.0-or-later WITH GCC", bundled)
    assert re.search(r"numpy [\d.]+ \| libquadmath \| LGPL-2.1-or-later", bundled)
    assert "libpq" in bundled
