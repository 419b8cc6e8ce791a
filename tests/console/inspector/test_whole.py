"""`chartside serve` with the embedded model: from its link to the cards, watching it write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.conftest import Running, running_service

# With a scripted model the other tests of the inspector go the same way.
pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.long]
_WRITTEN = re.compile(r'<pre class="wraps"[^>]*><code>(.*?)</code></pre>', re.DOTALL)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with running_service(tmp_path, "[services]\nsamples = 1\ndeadline_s = 900.0\n") as running:
        running.wait_for(
            lambda: httpx.get(f"{running.address}/readyz").status_code == 200, seconds=300
        )
        yield running


def _link(log: str) -> str:
    entries = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    [page] = [each["page"] for each in entries if each.get("event") == "next-step"]
    return str(page)


def _events(client: httpx.Client, place: str) -> Iterator[str]:
    """The blocks of the page's stream, asked again where it ends before the hook does."""
    while True:
        with client.stream("GET", f"{place}/events", timeout=120) as answer:
            block: list[str] = []
            for line in answer.iter_lines():
                if line:
                    block.append(line)
                    continue
                yield "\n".join(block)
                if "event: done" in block:
                    return
                block = []


def test_three_actions_lead_to_the_cards_of_a_patient_and_the_model_is_seen_writing(
    service: Running,
) -> None:
    with httpx.Client(base_url=service.address, timeout=120) as client:
        assert client.get(_link(service.log)).status_code == 303
        page = client.get("/inspector").text
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        assert csrf is not None
        fields = {"csrf": csrf[1], "service": "chartside-patient-view", "from": "sample",
                  "sample": "breathless"}  # fmt: skip
        fired = client.post(
            "/inspector/fire",
            files={name: (None, value) for name, value in fields.items()},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert fired.status_code == 303, fired.text
        place = f"/inspector/{fired.headers['location']}"
        written = [found for block in _events(client, place) for found in _WRITTEN.findall(block)]
        assert len(set(written)) > 2
        assert written == sorted(written, key=len)
        whole = client.get(place).text
    assert "Pulmonary embolism" in whole  # a rule finds it, whatever the model writes
    assert "once the model had written" in whole.lower()
    assert 'id="samples"' in whole
    assert "tokens in the tokenizer" in whole
