"""The way through the house, top to bottom: gather, map, render, ask, check, answer.

The only module that knows all the stages. A hook is answered within `answer_within_s`; what is not
ready by then goes on in the background with the facts already gathered (never with the EHR's
token) and answers the next hook of the same chart. Identical work in flight runs once.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

import orjson

import prompts
from cds_hooks import cards, expiry, plausibility
from cds_hooks.audit import SiteKey, Store
from cds_hooks.consultation import Consultation, Differential, ModelIdentity, Outcome
from cds_hooks.gather import Gathered
from cds_hooks.inference.engine import (
    Engine,
    EngineError,
    Generation,
    GenerationRequest,
)
from cds_hooks.inference.output import InvalidOutput, parse_differential
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import STARTED, ServiceDefinition
from fhir_mapping import map_chart
from fhir_mapping.chart import Chart, Fact
from prompts import Prompt, Template

__all__ = ["ConsultConfig", "Consultant", "Rooms", "content_key"]

# Tokens are at least this many characters long in every tokenizer we know of, on average, so an
# estimate made while the engine is away never overfills the budget.
_CHARACTERS_PER_TOKEN = 2

# Callers that wait hold a place among the open calls, which are for charts that are opened.
_MOST_WAITING = 8


@dataclass(frozen=True, slots=True)
class ConsultConfig:
    """How a site wants to be answered; times in seconds.

    `answer_within_s` bounds a hook (`answer_within`, by service id, that of a service which has
    its own) and `gather_within_s` the reading of FHIR within it; `deadline_s` bounds the work
    behind an answer, `fresh_for_s` how long the answer is reused. `silent` are outcomes that give
    no card.
    """

    base_url: str
    answer_within_s: float = 1.5
    answer_within: Mapping[str, float] = field(default_factory=dict)
    gather_within_s: float = 1.2
    deadline_s: float = 120.0
    fresh_for_s: float = 3600.0
    samples: int = 1
    temperature: float = 0.7
    seed: int = 0
    names_by_construction: bool = False
    card_profile: str = "generic"
    silent: frozenset[Outcome] = frozenset()
    settings_sha256: str = ""

    def within(self, service_id: str) -> float:
        """Seconds within which a hook of a service is answered."""
        return self.answer_within.get(service_id, self.answer_within_s)


class Gather(Protocol):
    """`gather.gather` with the site's client and bounds filled in."""

    async def __call__(
        self, service: ServiceDefinition, request: HookRequest, *, deadline_s: float
    ) -> Gathered: ...


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the way through is handed: every edge of the house."""

    gather: Gather
    engine: Engine
    template: Template
    terminology: Terminology
    store: Store
    key: SiteKey
    observe: Callable[[Consultation], None] = lambda _: None
    failed: Callable[[Consultation, BaseException], None] = lambda _, __: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_id: Callable[[], str] = lambda: str(uuid.uuid4())


def content_key(chart: Chart, template: Template, model: ModelIdentity, sampling: object) -> str:
    """The address of a consultation: what the answer depends on, and no more.

    How long ago a fact was moves with the clock and is left out; a fact that is new, changed or
    gone makes another key.
    """
    facts = [_content_of(fact) for fact in chart.facts]
    parts = [chart.patient.recorded_sex, int(chart.patient.age_years or -1), facts]
    whole = [parts, template.ref.sha256, model.sha256, model.engine, sampling]
    return hashlib.sha256(orjson.dumps(whole)).hexdigest()


def _content_of(fact: Fact) -> tuple[object, ...]:
    return (fact.kind, fact.text, fact.status, fact.polarity, fact.flag, fact.sources)


class Stopwatch:
    """Milliseconds by stage, in the order in which the stages ran."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Charge the time since the last lap to `stage`."""
        now = time.perf_counter()
        self.laps[stage] = self.laps.get(stage, 0.0) + 1000 * (now - self._since)
        self._since = now


class Consultant:
    """Answers hooks. One instance a process; its work in flight ends with `close`."""

    def __init__(self, rooms: Rooms, config: ConsultConfig) -> None:
        self._rooms = rooms
        self._config = config
        self._running: dict[str, asyncio.Task[Consultation]] = {}
        self._waiting = 0

    async def answer(
        self, service: ServiceDefinition, request: HookRequest, *, wait_s: float = 0.0
    ) -> Response:
        """Cards for one hook; of a service that only starts work none, but its outcome so far.

        `wait_s` is how long the caller of such a service would wait for the outcome. Raises
        ChartsideError when the hook cannot be answered at all.
        """
        began = time.monotonic()
        asked = await self.ask(service, request)
        if service.only_starts:
            return await self._begin(asked, wait_s)
        left = self._config.within(service.id) - (time.monotonic() - began)
        return await self.respond(await self._answer_by(asked, left), request)

    async def ask(self, service: ServiceDefinition, request: HookRequest) -> Consultation:
        """Gather, map and render: a consultation that only the model's answer is missing from."""
        watch, rooms = Stopwatch(), self._rooms
        within = min(self._config.gather_within_s, self._config.within(service.id))
        gathered = await rooms.gather(service, request, deadline_s=within)
        watch.lap("gather")
        now, patient_id = rooms.now(), request.context.patient_id
        version = gathered.fhir_version
        chart = map_chart(gathered.resources, patient_id=patient_id, now=now, fhir_version=version)
        watch.lap("map")
        prompt = await self._render(chart)
        watch.lap("render")
        return Consultation(
            id=rooms.new_id(),
            key=content_key(chart, rooms.template, rooms.engine.model, self._sampling),
            service=service.id,
            created=now.timestamp(),
            patient_key=rooms.key.patient_key(patient_id, fhir_server=request.fhir_server),
            chart=chart,
            prompt=prompt,
            model=rooms.engine.model,
            key_states=gathered.states,
            contradictions=plausibility.contradictions(chart, rooms.terminology),
            timings_ms=watch.laps,
            settings_sha256=self._config.settings_sha256,
        )

    async def respond(self, consultation: Consultation, request: HookRequest) -> Response:
        """Cards, once their record is durable."""
        last = None
        if consultation.outcome is not Outcome.ANSWERED:
            last = await self._rooms.store.last_for_patient(consultation.patient_key)
        response = cards.build(
            consultation,
            base_url=self._config.base_url,
            make_uuid=self._rooms.new_id,
            profile=self._config.card_profile,
            patient_id=request.context.patient_id,
            encounter_id=request.context.encounter_id,
            last=last,
            now=self._rooms.now().timestamp(),
            silent=self._config.silent,
        )
        await self._rooms.store.save_consultation(consultation, response.cards)
        return response

    async def finish(self, asked: Consultation) -> Consultation:
        """Ask the model and check what it said; identical work in flight is joined."""
        return await asyncio.shield(self._start(asked))

    async def close(self) -> None:
        """Cancel what is in flight and wait until it has ended."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _sampling(self) -> tuple[int, float, int, bool]:
        c = self._config
        return (c.samples, c.temperature, c.seed, c.names_by_construction)

    async def _begin(self, asked: Consultation, wait_s: float) -> Response:
        """Start the work and tell how it stands. Nobody would read a card, so none is made."""
        seconds = min(wait_s, self._config.deadline_s) if self._waiting < _MOST_WAITING else 0.0
        self._waiting += 1
        try:
            found = await self._answer_by(asked, seconds)
        finally:
            self._waiting -= 1
        if found.id == asked.id:
            await self._rooms.store.save_consultation(found)
        return Response(extension={STARTED: {"outcome": found.outcome.value}})

    def _start(self, asked: Consultation) -> asyncio.Task[Consultation]:
        """The work on this question: what is in flight already, or new under an id of its own.

        Its own, because the hook that asked may leave with a record that says "not yet".
        """
        task = self._running.get(asked.key)
        if task is None:
            work = replace(asked, id=self._rooms.new_id())
            task = asyncio.create_task(self._reason(work), name=f"consultation {work.id}")
            self._running[asked.key] = task
            task.add_done_callback(lambda done: self._ended(work, done))
        return task

    def _ended(self, asked: Consultation, task: asyncio.Task[Consultation]) -> None:
        """Forget the work; a failure that no hook was waiting for still reaches the log."""
        self._running.pop(asked.key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._rooms.failed(asked, error)

    async def _render(self, chart: Chart) -> Prompt:
        layout = prompts.lay_out(chart, self._rooms.template)
        try:
            costs = await self._rooms.engine.count_tokens(layout.texts)
        except EngineError:  # down, or gone while it counted
            costs = [1 + len(text) // _CHARACTERS_PER_TOKEN for text in layout.texts]
        return prompts.render(layout, costs)

    async def _answer_by(self, asked: Consultation, seconds: float) -> Consultation:
        """The stored answer to the same question, or the model's if it comes in time, or none.

        When the question differs in nothing that matters from the last one, its answer stands.
        """
        oldest = asked.created - self._config.fresh_for_s
        stored = await self._rooms.store.find_by_key(asked.key, not_older_than=oldest)
        if stored is not None:
            return stored
        if asked.key not in self._running and await self._stands(asked, oldest):
            return replace(asked, outcome=Outcome.STANDS)
        task = self._start(asked)
        done, _ = await asyncio.wait({task}, timeout=max(seconds, 0.0))
        return task.result() if done else asked

    async def _stands(self, asked: Consultation, oldest: float) -> bool:
        """Whether the patient's last answer may be shown instead of a new one.

        It has to be of the same settings, model and template, young enough, and a differential;
        and nothing that matters may have changed since.
        """
        last = await self._rooms.store.last_for_patient(asked.patient_key)
        if last is None or last.outcome is not Outcome.ANSWERED or last.created < oldest:
            return False
        alike = _made_by(last) == _made_by(asked)
        return alike and not expiry.changes(last.chart, asked.chart).matter

    async def _reason(self, asked: Consultation) -> Consultation:
        if asked.prompt is None:
            raise ValueError("a consultation is rendered before a model is asked")
        watch = Stopwatch()
        try:
            generation = await self._rooms.engine.generate(self._question(asked.prompt))
        except EngineError as error:
            done = replace(asked, outcome=_outcome(error), outcome_detail=error.diagnostics())
        else:
            watch.lap("model")
            done = self._check(asked, asked.prompt.fact_ids, generation)
            watch.lap("check")
        done = replace(done, timings_ms={**done.timings_ms, **watch.laps})
        await self._rooms.store.save_consultation(done)
        self._rooms.observe(done)
        return done

    def _question(self, prompt: Prompt) -> GenerationRequest:
        config = self._config
        return GenerationRequest(
            messages=prompt.messages,
            schema=prompt.schema,
            samples=config.samples,
            max_tokens=self._rooms.template.settings.max_output_tokens,
            temperature=config.temperature,
            seed=config.seed,
            deadline_s=config.deadline_s,
            names=config.names_by_construction,
        )

    def _check(
        self, asked: Consultation, fact_ids: Sequence[str], generation: Generation
    ) -> Consultation:
        """Parse every sample again, then hold each diagnosis against the chart."""
        chart, terminology = asked.chart, self._rooms.terminology
        differentials = list(_parse(generation, fact_ids))
        assessments = plausibility.assess(chart, differentials, terminology)
        return replace(
            asked,
            samples=tuple(sample.text for sample in generation.samples),
            samples_failed=len(generation.samples) - len(differentials),
            differentials=tuple(differentials),
            assessments=assessments,
            outcome=_outcome_of(differentials, assessments),
            timings_ms={**asked.timings_ms, **_prefixed("model.", generation.timings_ms)},
            tokens={
                "prompt": generation.tokens_prompt,
                "reused": generation.tokens_reused,
                "answer": sum(sample.tokens for sample in generation.samples),
            },
        )


def _made_by(consultation: Consultation) -> tuple[object, ...]:
    """What besides the chart an answer depends on."""
    template = consultation.prompt.template if consultation.prompt else None
    return (consultation.settings_sha256, consultation.model, template)


def _parse(generation: Generation, fact_ids: Sequence[str]) -> Iterator[Differential]:
    """What the samples said; one that is not a differential of this chart is counted, not shown."""
    model = generation.model.name
    for index, sample in enumerate(generation.samples):
        with contextlib.suppress(InvalidOutput):
            yield parse_differential(sample.text, fact_ids, model=model, sample=index)


def _outcome(error: EngineError) -> Outcome:
    return Outcome(error.code) if error.code in set(Outcome) else Outcome.ENGINE_FAILED


def _outcome_of(differentials: Sequence[Differential], assessments: Sequence[object]) -> Outcome:
    if not differentials:
        return Outcome.INVALID_OUTPUT
    return Outcome.ANSWERED if assessments else Outcome.EMPTY


def _prefixed(prefix: str, timings: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}{stage}": milliseconds for stage, milliseconds in timings.items()}
