"""A captured request answered as the service would answer it today, from what it brings alone."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

import prompts
from cds_hooks.consult.service_settings import ServiceSettings
from cds_hooks.consultation import Consultation, PreparedConsultation
from cds_hooks.gather import GatherConfig, gather
from cds_hooks.plausibility.terminology.code_names import names_by
from cds_hooks.protocol.request import HookRequest, parse_request
from cds_hooks.replay.asking import ask, rendered
from cds_hooks.replay.judging import judged, with_generation
from cds_hooks.replay.today import Today
from cds_hooks.services import ServiceDefinition
from fhir_mapping import map_chart
from fhir_mapping.chart import Chart

__all__ = ["Question", "answer_question", "question"]

_PATIENCE_S = 600.0
# As the pipeline reckons while its engine is away.
_CHARACTERS_PER_TOKEN = 2


@dataclass(frozen=True, slots=True)
class Question:
    """A request, and the consultation that it begins."""

    request: HookRequest
    asked: Consultation


async def question(
    body: Mapping[str, Any],
    service: ServiceDefinition,
    today: Today,
    *,
    now: datetime,
    services: ServiceSettings,
    fhir_version: str = "",
) -> Question:
    """What a captured request asks, `now` being when it was asked.

    No FHIR server is asked: a capture holds no token. Raises ChartsideError for a request that the
    service would refuse.
    """
    request = parse_request(orjson.dumps(dict(body)), service.on)
    context = {"patientId": request.context.patient_id, "userId": request.context.user_id,
               "encounterId": request.context.encounter_id}  # fmt: skip
    gathered = await gather(
        request.prefetch, service.prefetch, context, config=GatherConfig(), deadline_s=_PATIENCE_S
    )
    chart = map_chart(
        gathered.resources,
        patient_id=request.context.patient_id,
        now=now,
        fhir_version=gathered.fhir_version or fhir_version or None,
        encounter_id=request.context.encounter_id or None,
        assessments=services.assessments,
        names=names_by(today.terminology),
    )
    prepared = PreparedConsultation(
        id=str(uuid.uuid4()),
        key="",
        service=service.id,
        created=now.timestamp(),
        patient_key="",
        chart=chart,
        prompt=_estimated(chart, today),
        key_states=gathered.states,
        key_arrivals=gathered.arrivals,
        settings_sha256=today.settings_sha256,
        basis=today.basis,
    )
    return Question(request, judged(prepared, today))


async def answer_question(asked: Consultation, today: Today) -> Consultation:
    """The question with the model's answer. Raises EngineError, ValueError without an engine."""
    if today.engine is None:
        raise ValueError("no engine was given")
    prompt = await rendered(asked, today, today.engine)
    generation = await ask(today.engine, prompt, today.sampling, today.deadline_s)
    return with_generation(replace(asked, prompt=prompt), generation, today)


def _estimated(chart: Chart, today: Today) -> prompts.Prompt:
    layout = prompts.lay_out(chart, today.template)
    return prompts.render(layout, [1 + len(t) // _CHARACTERS_PER_TOKEN for t in layout.texts])
