"""A service that runs loads nothing that only measures models."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys
import cds_hooks.app.application, cds_hooks.cli.application, cds_hooks.cli.serve
import cds_hooks.runtime.service
print("\\n".join(m for m in sys.modules if m.startswith("cds_hooks.")))
"""


def test_the_service_reads_admissions_and_loads_no_evaluation() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    loaded = ran.stdout.split()
    assert "cds_hooks.admission.lookup" in loaded
    assert [name for name in loaded if name.startswith("cds_hooks.evaluation")] == []
