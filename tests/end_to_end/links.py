"""The link that `chartside open` prints for a running service."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.end_to_end.conftest import ROOT, Running

__all__ = ["one_time_link"]


def one_time_link(running: Running) -> str:
    """A link that opens a session with every role, once."""
    command = [sys.executable, "-m", "cds_hooks", "open", "--json"]
    done = subprocess.run(
        [*command, "--config", str(running.folder / "chartside.toml")],
        capture_output=True,
        cwd=ROOT,
        check=True,
    )
    link: str = json.loads(done.stdout)["link"]
    return link
