"""The edge between the benchmarks and a running service: settings, charts in the present, hooks."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import orjson

import prompts
from cds_hooks import evaluation
from cds_hooks.admission.manifest import Manifest
from cds_hooks.cds_client.requests import current_encounter_id, hook_request
from cds_hooks.cli.evaluation_fitted import fitted_beside
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.evaluation.matching import TruthMatcher
from cds_hooks.evaluation.runs.closed import judging, picking
from cds_hooks.evaluation.runs.question import QuestionConfig, question
from cds_hooks.evaluation.runs.results import CaseResult
from cds_hooks.evaluation.runs.runner import AnswerCase, by_consultation
from cds_hooks.evaluation.suites.suite import EvaluationCase, Suite, Task
from cds_hooks.evaluation.suites.times import shift
from cds_hooks.evaluation.trained_cases import require_unseen
from cds_hooks.inference.engine import Priority
from cds_hooks.inference.hardware.machine import usable_processors
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.plausibility import Terminology
from cds_hooks.protocol.request import parse_request
from cds_hooks.runtime import Runtime
from cds_hooks.runtime.files import require_data
from cds_hooks.services import REGISTRY
from cds_hooks.settings import Settings, settings_digest

__all__ = ["Asking", "Bench", "bench"]

_SERVICE = next(service for service in REGISTRY if service.hook == "patient-view")
_QUESTIONS = {Task.CLOSED: "closed", Task.JUDGING: "judge"}
_DEADLINE_S = 600.0
# The sections of the settings that a measurement is of.
_ASKED = frozenset(
    {
        "model",
        "model_server",
        "panel",
        "verifier",
        "services",
        "fhir",
        "terminology",
        "cards",
        "egress",
        "log",
    }
)
_TEMPLATES = Path(evaluation.__file__).parent / "runs" / "templates"


@dataclass(frozen=True, slots=True)
class Asking:
    """How a run asks; what is not said is as the settings and the model's catalogue entry have it.

    `samples` a case (0: unsaid), `names` whether diagnoses are written along the names of the
    terminology, `brief` whether answers are short (unsaid: those of a demonstration model, whose
    names are what is measured), `engines` how many engine processes answer side by side (0:
    unsaid), `concurrency` cases in flight together in each of them. Without `evidence` an answer is
    names alone.
    """

    seed: int = 0
    samples: int = 0
    names: bool | None = None
    brief: bool | None = None
    engines: int = 0
    concurrency: int = 1
    evidence: bool = True

    def of(self, settings: Settings) -> Asking:
        """The same with everything said."""
        shown = _for_demonstration(settings)
        chosen = settings.model.names_by_construction if self.names is None else self.names
        wanted = shown if chosen is None else chosen
        brief = shown if self.brief is None else self.brief
        default = 1 if shown else _template(brief=brief).settings.samples
        return replace(
            self,
            samples=self.samples or settings.services.samples or default,
            names=wanted and settings.model.names is not None,
            brief=brief,
            engines=self.engines or (_side_by_side(settings) if shown else 1),
        )

    def along(self, *, names: bool) -> Asking:
        """The same in one engine, along the names of the terminology or free."""
        return replace(self, names=names, engines=1)

    @property
    def _threads(self) -> int:
        """Threads of an engine; 0: one a processor."""
        return max(usable_processors() // self.engines, 1) if self.engines > 1 else 0

    def applied_to(self, settings: Settings) -> Settings:
        """Settings that ask so, with time to finish."""
        deadline = max(settings.services.deadline_s, _DEADLINE_S)
        services = {"deadline_s": deadline, "samples": self.samples}
        model = {
            "seed": self.seed,
            "names_by_construction": self.names,
            "parallel": self.concurrency,
            "threads": settings.model.threads or self._threads,
        }
        return settings.model_copy(
            update={
                "model": settings.model.model_copy(update=model),
                "services": settings.services.model_copy(update=services),
            }
        )


@dataclass(frozen=True, slots=True)
class Bench:
    """A running service with what a run needs of it; `asking` has everything said."""

    runtimes: Sequence[Runtime]
    matcher: TruthMatcher
    terminology: Terminology
    settings: Settings
    asking: Asking
    loaded: datetime

    @property
    def in_flight(self) -> int:
        """Cases that are asked at one time."""
        return self.asking.engines * self.asking.concurrency

    def answering(self, task: Task) -> AnswerCase:
        """How cases of a task are answered: each by a service that has space for it."""
        free: asyncio.Queue[tuple[Runtime, AnswerCase]] = asyncio.Queue()
        for _ in range(self.asking.concurrency):
            for runtime in self.runtimes:
                free.put_nowait((runtime, self._answering(task, runtime)))

        async def answer(case: EvaluationCase) -> CaseResult:
            runtime, by_one = await free.get()
            try:
                # An engine that is started again has the next case wait; one that has failed for
                # good ends the run: what it would say of the cases that are left is no result.
                await runtime.until_ready()
                result = await by_one(case)
                if runtime.engine.state.status == "failed":
                    await runtime.until_ready()
                return result
            finally:
                free.put_nowait((runtime, by_one))

        return answer

    def _answering(self, task: Task, runtime: Runtime) -> AnswerCase:
        if task is Task.OPEN:
            return by_consultation(partial(self.consult, runtime), self.matcher)
        asked = picking if task is Task.CLOSED else judging
        return asked(runtime.engine, self._questions)

    @property
    def _questions(self) -> QuestionConfig:
        services, model, default = self.settings.services, self.settings.model, QuestionConfig()
        return QuestionConfig(
            samples=self.asking.samples,
            temperature=default.temperature if model.temperature is None else model.temperature,
            seed=model.seed,
            deadline_s=services.deadline_s,
        )

    async def consult(self, runtime: Runtime, case: EvaluationCase) -> CheckedConsultation:
        """The whole pipeline, however long the model takes.

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
        consultant = runtime.consultant
        request = parse_request(orjson.dumps(body), _SERVICE.on)
        asked = await consultant.prepare(_SERVICE, request)
        return await consultant.complete(asked, Priority.BACKGROUND)

    def manifest(self, suite: Suite) -> Manifest:
        """What a run over this suite is of. Raises TrainedCase when the model was trained on one of
        its cases: every measurement begins here."""
        require_unseen(suite, fitted_beside(self.settings))
        first = self.runtimes[0]
        said, model = first.version(), first.engine.model
        return Manifest(
            suite=suite.part,
            model={"name": model.name, "sha256": model.sha256, "engine": model.engine},
            template=_template_facts(suite.task, said),
            settings={"sha256": settings_digest(self.settings)},
            terminology={k: v for k, v in self.terminology.versions.items() if "sha256" in k},
            seed=self.asking.seed,
            samples=self.asking.samples,
            names=bool(self.asking.names) and suite.task is Task.OPEN,
            engines=self.asking.engines,
            concurrency=self.asking.concurrency,
            started=self.loaded.isoformat(timespec="seconds"),
            chartside=version("chartside"),
            demonstration=model.demonstration,
        )


@contextlib.asynccontextmanager
async def bench(settings: Settings, loaded: datetime, asking: Asking) -> AsyncIterator[Bench]:
    """A service whose records are gone when it ends: benchmark charts belong in no store.

    `loaded` is the moment at which the charts of the suite are true.
    """
    require_data(settings)
    asked = asking.of(settings)
    settled = asked.applied_to(settings)
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chartside-eval-")))
        template = _template(brief=bool(asked.brief), evidence=asked.evidence)
        starting = [
            Runtime.running(_on_separate_engines(settled, folder / f"{n}"), template=template)
            for n in range(asked.engines)
        ]
        runtimes = [await stack.enter_async_context(one) for one in starting]
        await asyncio.gather(*(runtime.until_ready() for runtime in runtimes))
        terminology = stack.enter_context(Terminology(settled.terminology.path))
        yield Bench(runtimes, TruthMatcher(terminology), terminology, settled, asked, loaded)


def _on_separate_engines(settings: Settings, folder: Path) -> Settings:
    """The same model and questions with nothing else of the site's.

    Its keys, its ledger and its witness are not for benchmark charts, and a model must be measured
    before it can be admitted.
    """
    folder.mkdir(mode=0o700)
    fresh = Settings()
    others = {name: getattr(fresh, name) for name in Settings.model_fields if name not in _ASKED}
    place = {"path": f"{folder}/records.sqlite", "site_key": folder / "site.key"}
    return settings.model_copy(update={**others, "store": settings.store.model_copy(update=place)})


def _side_by_side(settings: Settings) -> int:
    """A small model gains little from a second thread: an engine a processor answers more."""
    model = settings.model
    alone = model.gpu_layers or model.threads or settings.model_server.bases
    return 1 if alone else usable_processors()


def _for_demonstration(settings: Settings) -> bool:
    model = settings.model
    entry = known_entry(load_catalogue(model.catalogue), model.path, model.sha256)
    return entry.demonstration


def _template(*, brief: bool, evidence: bool = True) -> prompts.Template:
    """The template of the service, or one whose answers are short, or names alone."""
    if not evidence:
        return prompts.load("differential-names", root=_TEMPLATES)
    if brief:
        return prompts.load("differential-brief", root=_TEMPLATES)
    return prompts.load("differential")


def _template_facts(task: Task, said: Mapping[str, str]) -> dict[str, str]:
    if task is Task.OPEN:
        return {"id": said["template"], "sha256": said["template_sha256"]}
    asked = question(_QUESTIONS[task])
    return {"id": f"question/{asked.id}", "sha256": asked.sha256}
