"""Every finding at every level that it can have has a planted fault, or a good case."""

from __future__ import annotations

import re
from pathlib import Path

from cds_hooks.doctor.findings import Level, catalogue
from cds_hooks.doctor.run import PARTS
from cds_hooks.doctor.settings_findings import settings_findings

HERE = Path(__file__).parent
_SHOWN = re.compile(r'"([a-z][a-z-]+)",\s*(PASS|WARN|FAIL|NOT_CHECKED)\b')


def _planted() -> set[tuple[str, str]]:
    texts = [file.read_text("utf-8") for file in HERE.glob("test_*.py")]
    shown = {pair for text in texts for pair in _SHOWN.findall(text)}
    return {(name, level.replace("_", " ")) for name, level in shown}


def _possible() -> set[tuple[str, str]]:
    rows = catalogue().items()
    return {(name, level.value) for name, row in rows for level in Level if row.at(level)}


def test_each_has_a_test_that_plants_it() -> None:
    assert _possible() - _planted() == set()
    assert _planted() - _possible() == set()


def test_each_belongs_to_a_part() -> None:
    assert {row.part for row in catalogue().values()} <= set(PARTS)
    assert PARTS["settings"] is settings_findings


def test_a_level_that_is_bad_has_a_line_that_mends_it_here_or_in_the_code() -> None:
    """Those whose line is made in the code: what it says depends on what was found."""
    in_code = {
        "settings-fit", "production-requirement", "data-file", "private-file", "memory",
        "egress-destination", "key-set", "fhir-server", "prefetch-template",
    }  # fmt: skip
    rows = catalogue().items()
    assert {name for name, row in rows if (row.warn or row.fail) and not row.mend} == in_code
    assert {name for name, row in rows if row.unchecked and not row.look} == set()
