"""The pages for one EHR each: what is to be typed in is what the services ask for, what a command
is said to write is what it writes, and the FHIR server's page is run with a FHIR server."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cds_client.requests import place_in_time
from cds_hooks.services import find
from tests.docs.pages import ROOT, blocks_of
from tests.docs.terminal import at_a_terminal

PAGES = ROOT / "docs/integrators"
FHIR_PAGE = PAGES / "own-fhir-server.md"
SHOWN_BASE = "http://127.0.0.1:8090/fhir"
_PREFETCH = re.compile(r"<!-- prefetch: (\S+) -->\n(.*?)\n<!-- end of prefetch -->", re.DOTALL)
_ROW = re.compile(r"\| `([^`]+)` \| `([^`]+)` \|")
EHR_PAGES = ["epic", "oracle-health", "any-other-ehr"]


@pytest.mark.parametrize("name", EHR_PAGES)
def test_the_prefetch_to_type_in_is_what_the_service_asks_for(name: str) -> None:
    [(service_id, table)] = _PREFETCH.findall((PAGES / f"{name}.md").read_text("utf-8"))
    service = find(service_id)
    assert service is not None
    rows = [f"| `{each.key}` | `{each.query}` |" for each in service.templates]
    assert table == "\n".join(["| key | query |", "|---|---|", *rows])
    assert dict(_ROW.findall(table)) == dict(service.prefetch)


def _entry(document: Mapping[str, Any]) -> dict[str, Any]:
    """The client of a settings file; of a key file only the name."""
    [client] = document["clients"]
    file = client.get("jwks_file")
    return {**client, **({"jwks_file": Path(file).name} if file else {})}


@pytest.mark.parametrize("name", EHR_PAGES)
def test_what_the_commands_write_is_what_the_page_shows(name: str, tmp_path: Path) -> None:
    blocks = blocks_of(PAGES / f"{name}.md")
    registers = next(b for b in blocks if "chartside clients add" in b.text and "init" in b.text)
    shown = tomllib.loads(next(b for b in blocks if b.language == "toml").text)
    with at_a_terminal(tmp_path) as terminal:
        assert terminal.run(registers) == ""
    written = tomllib.loads((tmp_path / "chartside.toml").read_text("utf-8"))
    assert _entry(written) == _entry(shown)
    for table in ("server", "fhir"):
        for key, value in shown.get(table, {}).items():
            assert written[table][key] == value


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.fhir_server
def test_the_page_of_a_fhir_server_runs_with_one(fhir_server: Any, tmp_path: Path) -> None:
    sample = ROOT / "cds_hooks/cds_client/sample_patients/breathless.json"
    fhir_server.load(place_in_time(json.loads(sample.read_text("utf-8")), datetime.now(UTC)))
    wanted = [b for b in blocks_of(FHIR_PAGE) if "with a FHIR server" in b.comment]
    assert len(wanted) == 3
    with at_a_terminal(tmp_path) as terminal:
        environment = {**terminal.environment, "FHIR_TOKEN": fhir_server.token}
        for block in wanted[1:]:
            assert SHOWN_BASE in block.text
            done = subprocess.run(
                [
                    "bash",
                    "-euo",
                    "pipefail",
                    "-c",
                    block.text.replace(SHOWN_BASE, fhir_server.base),
                ],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=900,
                check=False,
            )
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
