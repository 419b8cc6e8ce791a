"""A locked service with a FHIR server as witness, a client bound to its certificate, and others.

The whole process, its egress lock on: what a site sees of each, from outside.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.conftest import running_service
from tests.end_to_end.test_trust import Site
from tests.ledger.test_fhir_witness import Faulty


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    server = Faulty()
    yield server
    server.stop()


@pytest.mark.slow
def test_what_a_site_sees_of_witness_binding_and_unauthenticated_calls(
    tmp_path: Path, faulty: Faulty
) -> None:
    site = Site(tmp_path)
    bound = site.settings.replace(
        'name = "ehr"\n', 'name = "ehr"\ncertificate_subjects = ["CN=ehr"]\n'
    )
    settings = (
        f'[ledger]\nevery_s = 0.2\n[witness]\nfhir_server = "{faulty.base}"\n'
        f"[unauthenticated_limits]\ncalls_per_minute = 6\nburst = 4\n{bound}"
    )
    faulty.status = 500
    with running_service(site.folder, settings) as running:
        site.running = running
        other = ssl.create_default_context(cafile=str(site.authority.pem))
        other.load_cert_chain(*site.authority.issue("other"))

        def calls(context: ssl.SSLContext, token: str = "") -> int:
            headers = {"authorization": f"Bearer {token or site.token()}"}
            with httpx.Client(verify=context, trust_env=False) as http:
                url = f"https://127.0.0.1:{site.port}/cds-services"
                return http.get(url, headers=headers, timeout=60).status_code

        # A good token with another certificate of the same authority is not authenticated.
        # On a slow machine the bucket gains a call or two meanwhile.
        codes = [calls(other) for _ in range(4)]
        while codes[-1] != 429 and len(codes) < 30:
            codes.append(calls(other))
        assert codes == [401] * (len(codes) - 1) + [429]
        assert len(codes) > 4
        assert "token-certificate" in running.log
        page = site.get("/metrics").text
        assert 'chartside_errors_total{code="stranger-rate-limited"} 1.0' in page

        running.wait_for(lambda: "witness-failed" in site.get("/readyz").text, 120)
        faulty.status = 0
        running.wait_for(lambda: '"ledger":"ok"' in site.get("/readyz").text, 120)
        running.wait_for(lambda: bool(faulty.stored), 120)  # once there is something signed
        assert 'chartside_witness_copies_total{result="ok"}' in site.get("/metrics").text
        assert "witness-caught-up" in running.log
        assert "egress-refused" not in running.log
        # In a minute at most the address is taken again; with its certificate, for good.
        running.wait_for(lambda: calls(site.context()) == 200, 120)
        assert [calls(site.context()) for _ in range(6)] == [200] * 6
        assert calls(other) == 401
