"""After warming, the first chart loads nothing."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from fhir_mapping import check_units, warm
warm()
assert not any(problem for _, problem in check_units(library=False))
assert "ucumvert" not in sys.modules
assert not any(problem for _, problem in check_units())
assert "ucumvert" in sys.modules
from fhir_mapping import tables
before = tables.table.cache_info().misses
warm()
assert tables.table.cache_info().misses == before > 4
"""


def test_warming_loads_tables_and_then_units() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
