"""With the small model that is built in: the same question has the same answer, and a planted
change is named as the cause."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

import prompts
from cds_hooks.consult.service_settings import ServiceSettings
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.inference.engine import Engine
from cds_hooks.plausibility import Terminology
from cds_hooks.replay import RecordedTables, Today, Verdict, replay
from cds_hooks.replay.answering import answer_question, question
from cds_hooks.runtime.replaying import running_engine, today_of
from cds_hooks.services import find
from cds_hooks.settings import load_settings
from tests.model_server import EMBEDDED
from tests.replay.conftest import NOW, request_body

# test_replay.py names causes with an engine of the tests.
pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.long]

NONE = RecordedTables()


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    if not EMBEDDED.is_file():
        pytest.skip("the embedded model is not at build/models: run make")
    async with running_engine(load_settings(None)) as running:
        yield running


async def test_planted_changes_are_named(
    engine: Engine, terminology: Terminology, resources: list[dict[str, Any]]
) -> None:
    service = find("chartside-patient-view")
    assert service is not None
    now: Today = today_of(load_settings(None), terminology, service=service.id, engine=engine)
    # One sample of a small part of the chart: what is proved does not depend on either.
    few = [each for each in resources if each["resourceType"] in ("Patient", "Condition")]
    one = ServiceSettings(samples=1)
    found = await question(request_body(few), service, now, now=NOW, services=one)
    done = await answer_question(found.asked, now)
    assert isinstance(done, CheckedConsultation)
    assert done.samples

    same = await replay(done, now, NONE)
    assert same.verdict is Verdict.SAME, same.steps
    assert all(each.same for each in same.steps[-1].comparison.samples)

    assert done.model is not None
    other = replace(done, model=replace(done.model, sha256="e" * 64))
    model = await replay(other, now, NONE)
    step = next(each for each in model.steps if each.code == "model")
    assert [cause.what for cause in step.causes] == ["digest"]
    assert not step.differs

    older = replace(now, template=prompts.load("differential", "1"))
    template = await replay(done, older, NONE)
    step = template.steps[-1]
    assert (step.code, [cause.code for cause in step.causes]) == ("template", ["template"])
    assert step.comparison.prompt
    assert template.verdict in (Verdict.SAME, Verdict.EXPLAINED)
