"""The edge between the benchmarks and a running service: settings, charts in the present, hooks."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.cli.ehr import current_encounter_id, hook_request
from cds_hooks.consultation import Consultation
from cds_hooks.evaluation.matching import Matcher
from cds_hooks.evaluation.runs.closed import judging, picking
from cds_hooks.evaluation.runs.manifest import Manifest, SuitePart
from cds_hooks.evaluation.runs.question import QuestionConfig, question
from cds_hooks.evaluation.runs.runner import AnswerCase, by_consultation
from cds_hooks.evaluation.suites.suite import Case, Suite, Task
from cds_hooks.evaluation.suites.times import shift
from cds_hooks.plausibility import Terminology
from cds_hooks.protocol.request import parse_request
from cds_hooks.runtime import Runtime
from cds_hooks.services import REGISTRY
from cds_hooks.settings import Settings, settings_digest

__all__ = ["Bench", "bench", "seeded"]

_SERVICE = next(service for service in REGISTRY if service.hook == "patient-view")
_QUESTIONS = {Task.CLOSED: "closed", Task.JUDGING: "judge"}
_DEADLINE_S = 600.0


@dataclass(frozen=True, slots=True)
class Bench:
    """A running service with what a run needs of it."""

    runtime: Runtime
    matcher: Matcher
    terminology: Terminology
    settings: Settings
    loaded: datetime

    def answering(self, task: Task) -> AnswerCase:
        """How cases of a task are answered."""
        if task is Task.OPEN:
            return by_consultation(self.consult, self.matcher)
        services, model, default = self.settings.services, self.settings.model, QuestionConfig()
        config = QuestionConfig(
            samples=services.samples or default.samples,
            temperature=default.temperature if model.temperature is None else model.temperature,
            seed=model.seed,
            deadline_s=services.deadline_s,
        )
        asked = picking if task is Task.CLOSED else judging
        return asked(self.runtime.engine, config)

    async def consult(self, case: Case) -> Consultation:
        """The whole way through, however long the model takes.

        The chart is moved along with the clock, so that a case asked late in a long run is the
        same question as one asked first.
        """
        resources = shift(case.resources, datetime.now(UTC) - self.loaded)
        body = hook_request(
            _SERVICE.hook,
            _SERVICE.prefetch,
            resources,
            patient_id=case.patient_id,
            encounter_id=current_encounter_id(resources),
        )
        consultant = self.runtime.consultant
        request = parse_request(orjson.dumps(body), _SERVICE.on)
        return await consultant.finish(await consultant.ask(_SERVICE, request))

    def manifest(self, suite: Suite) -> Manifest:
        """What a run over this suite is of."""
        said = self.runtime.version()
        model = self.runtime.engine.model
        return Manifest(
            suite=SuitePart.of(suite),
            model={"name": model.name, "sha256": model.sha256, "engine": model.engine},
            template=_template(suite.task, said),
            settings={"sha256": settings_digest(self.settings)},
            terminology={k: v for k, v in self.terminology.versions.items() if "sha256" in k},
            seed=self.settings.model.seed,
            samples=self.settings.services.samples,
            started=self.loaded.isoformat(timespec="seconds"),
            chartside=version("chartside"),
            demonstration=model.demonstration,
        )


@contextlib.asynccontextmanager
async def bench(settings: Settings, loaded: datetime) -> AsyncIterator[Bench]:
    """A service whose records are gone when it ends: benchmark charts belong in no store.

    `loaded` is the moment at which the charts of the suite are true.
    """
    with tempfile.TemporaryDirectory(prefix="chartside-eval-") as folder:
        place = {"path": f"{folder}/records.sqlite", "site_key": Path(folder) / "site.key"}
        own = settings.model_copy(update={"store": settings.store.model_copy(update=place)})
        async with Runtime.running(own) as runtime:
            await runtime.until_ready()
            with Terminology(settings.terminology.path) as terminology:
                yield Bench(runtime, Matcher(terminology), terminology, settings, loaded)


def seeded(settings: Settings, *, seed: int, samples: int) -> Settings:
    """The same settings with this seed, these samples a case (0: as set), and time to finish."""
    services: dict[str, Any] = {"deadline_s": max(settings.services.deadline_s, _DEADLINE_S)}
    if samples:
        services["samples"] = samples
    return settings.model_copy(
        update={
            "model": settings.model.model_copy(update={"seed": seed}),
            "services": settings.services.model_copy(update=services),
        }
    )


def _template(task: Task, said: Mapping[str, str]) -> dict[str, str]:
    if task is Task.OPEN:
        return {"id": said["template"], "sha256": said["template_sha256"]}
    asked = question(_QUESTIONS[task])
    return {"id": f"question/{asked.id}", "sha256": asked.sha256}
