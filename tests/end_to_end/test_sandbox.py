"""`chartside serve --sandbox` as its user starts it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.conftest import running_service

SERVICE = "/cds-services/chartside-patient-view"
ORIGIN = "https://sandbox.cds-hooks.org"


def _preflight(url: str, origin: str, method: str, headers: str) -> httpx.Response:
    asked = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": headers,
        "access-control-request-private-network": "true",
    }
    return httpx.options(url, headers=asked, timeout=60, trust_env=False)


@pytest.mark.model
def test_the_sandbox_and_a_local_one_may_call_with_a_token_and_the_log_says_so(
    tmp_path: Path,
) -> None:
    options = ["--sandbox", "--origin", "http://localhost:8080"]
    with running_service(tmp_path, options=options) as running:
        for origin in (ORIGIN, "http://localhost:8080"):
            for path, method in (
                ("/cds-services", "GET"),
                (SERVICE, "POST"),
                (f"{SERVICE}/feedback", "POST"),
            ):
                wanted = "authorization" if method == "GET" else "authorization,content-type"
                answer = _preflight(f"{running.address}{path}", origin, method, wanted)
                assert answer.status_code == 200, (path, answer.text)
                assert answer.headers["access-control-allow-origin"] == origin
                assert answer.headers["access-control-allow-private-network"] == "true"
        refused = _preflight(f"{running.address}{SERVICE}", "https://evil.example", "POST", "")
        assert refused.status_code == 400
        assert "access-control-allow-origin" not in refused.headers
        unsigned = running.post(SERVICE, {})
        assert (unsigned.status_code, unsigned.content) == (401, b"")
        entries = [json.loads(line) for line in running.log.splitlines()]
    told = [e["event"] for e in entries if e.get("logger") == "cds_hooks.settings.sandbox"]
    assert len(told) == 6
    assert [line for line in told if "http://localhost:8080" in line]
    before = [e.get("event") for e in entries].index("listening")
    assert told[-1] in [e["event"] for e in entries[:before]]
