"""A hook is fired for real: through the pipeline, onto the record, and back as a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
