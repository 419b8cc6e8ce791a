"""A hook is fired for real: through the pipeline, onto the record, and back as a page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from cds_hooks.cds_client.requests import hook_request
from cds_hooks.cds_client.sample_patients import sample_patients
from cds_hooks.console.inspector.firing import ISSUER
from cds_hooks.services import find
from tests.fake_engine import FakeEngine, FakeReply


async def test_a_sample_patient_is_fired_in_one_form_and_walked_through(
    start: Callable[..., Any], browser_of: Callable[..., Any], engine: FakeEngine
) -> None:
    browser = await browser_of(await start())
    assert "A sample patient" in await browser.get("/inspector")
    place = await browser.fire(**{"from": "sample", "sample": "breathless"})
    page = await browser.ended(place)
    assert "Pulmonary embolism" in page
    assert len(engine.requests) == 1
    for heading in ("cards", "keys", "verdicts", "samples", "prompt", "facts", "omissions"):
        assert f'id="{heading}"' in page
    assert "MRN-004417" not in page


async def test_what_the_model_is_late_with_comes_as_a_second_answer(
    start: Callable[..., Any], browser_of: Callable[..., Any], engine: FakeEngine
) -> None:
    engine.push(FakeReply(('{"diagnoses":[]}',), delay_s=0.0))
    browser = await browser_of(await start())
    page = await browser.ended(await browser.fire(**{"from": "sample", "sample": "potassium"}))
    assert "after" in page


async def test_a_test_case_is_redacted_and_can_be_fired_again(
    start: Callable[..., Any], browser_of: Callable[..., Any]
) -> None:
    browser = await browser_of(await start())
    place = await browser.fire(**{"from": "sample", "sample": "breathless"})
    await browser.ended(place)
    case = await browser.get(f"{place}/case")
    assert not any(word in case for word in ("Winterbourne", "MRN-004417", "Exampleton", "demo-1"))
    again = await browser.fire([("hook-case.json", case.encode())], **{"from": "files"})
    page = await browser.ended(again)
    assert "Pulmonary embolism" in page
    one, other = place.rpartition("/")[2], again.rpartition("/")[2]
    compared = await browser.get(f"/inspector/compare?one={one}&other={other}")
    assert "side by side" in compared
    assert "choice-incomplete" not in compared


async def test_what_does_not_conform_is_told_of_both_sides(
    start: Callable[..., Any], browser_of: Callable[..., Any]
) -> None:
    browser = await browser_of(await start())
    context = {"patientId": "one", "userId": "Practitioner/1"}
    prefetch = {"patient": {"resourceType": "Patient", "id": "one"}, "other": 1}
    request = {
        "hook": "patient-view",
        "hookInstance": "h",
        "context": context,
        "prefetch": prefetch,
    }
    files = [("r.json", orjson.dumps(request))]
    page = await browser.ended(await browser.fire(files, **{"from": "files"}))
    theirs = page[page.index('id="theirs"') :]
    assert "prefetch.other" in theirs
    ours = page[page.index('id="ours"') : page.index('id="theirs"')]
    assert "Nothing that does not conform." in ours
    del context["userId"]
    files = [("r.json", orjson.dumps(request))]
    refused = await browser.ended(await browser.fire(files, **{"from": "files"}))
    assert "request-invalid" in refused
    assert "context.userId" in refused[refused.index('id="theirs"') :]


async def test_it_is_recorded_as_the_inspector_s_and_is_no_ehr_s_answer(
    start: Callable[..., Any], browser_of: Callable[..., Any], engine: FakeEngine
) -> None:
    """What is fired neither finds nor becomes the answer that a clinician's hook meets."""
    runtime = await start()
    browser = await browser_of(runtime)
    for _ in range(2):
        await browser.ended(await browser.fire(**{"from": "sample", "sample": "breathless"}))
    assert len(engine.requests) == 2
    sample = sample_patients()["breathless"]
    service = find("chartside-patient-view")
    assert service is not None
    body = hook_request(service.hook, service.prefetch, sample.resources(datetime.now(UTC)),
                        patient_id=sample.patient, encounter_id=sample.encounter)  # fmt: skip
    answer = await browser.http.post(f"/cds-services/{service.id}", json=body)
    assert answer.status_code == 200
    async with asyncio.timeout(30):
        while len(engine.requests) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    records = [json.loads(raw) for raw in await runtime.store.ledger.records_of("hook-answered")]
    assert {record.get("client_iss", "") for record in records} >= {ISSUER, ""}
