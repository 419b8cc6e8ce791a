"""Units are converted by a library that is loaded once, by however many threads."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from fhir_mapping.units.conversions import convert

sys.setswitchinterval(1e-6)
UNITS = ["g/dL", "mg/mL", "kg/m3", "ug/uL", "g/L", "mg/dL", "ng/mL", "pg/L", "mmol/L", "umol/dL"]
at_once = threading.Barrier(8)

def work(n):
    at_once.wait()
    return [convert(1.0, a, b) for a in UNITS[n % 3:] for b in UNITS]

with ThreadPoolExecutor(8) as pool:
    found = list(pool.map(work, range(8)))
for n, row in enumerate(found):
    assert row == [convert(1.0, a, b) for a in UNITS[n % 3:] for b in UNITS], n
assert convert(1.0, "g/dL", "ug/uL") == 10.0, convert(1.0, "g/dL", "ug/uL")
assert sum(value is not None for value in found[0]) == 68, found[0]
"""


def test_threads_that_convert_at_once_find_what_one_alone_finds() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
