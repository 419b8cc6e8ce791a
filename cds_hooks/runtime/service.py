"""A running service put together from its settings: every edge made once, closed in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from starlette.types import ASGIApp

import fhir_mapping
import prompts
from cds_hooks.app import AppHandlers, Readiness, create_app
from cds_hooks.audit import Store
from cds_hooks.cards.card_data import override_reasons
from cds_hooks.console import BasisContent, LinkedPages, basis_page, error_page_of, make_router
from cds_hooks.consult import Consultant, ConsultationPages, ConsultConfig, Dependencies
from cds_hooks.inference.engine import Engine
from cds_hooks.operation import Metrics, get_logger
from cds_hooks.plausibility import Terminology, load_tables
from cds_hooks.runtime.admission import admission
from cds_hooks.runtime.answer_basis import answer_basis, tables_record
from cds_hooks.runtime.callers import Callers
from cds_hooks.runtime.capturing import Capturing
from cds_hooks.runtime.configs import (
    app_config,
    consult_config,
    gather_config,
    services_of,
    store_config,
)
from cds_hooks.runtime.console_access import access_of, signing_in
from cds_hooks.runtime.description import basis_of, site_of, version_of
from cds_hooks.runtime.desk import desk_of
from cds_hooks.runtime.egress import attach, egress_checks, locked_transport
from cds_hooks.runtime.engine_status import engine_checks, engine_events, not_loaded
from cds_hooks.runtime.engines import (
    expected_digest,
    make_engine,
    model_entry,
    names_by_construction,
    samples_of,
)
from cds_hooks.runtime.feedback import FeedbackKeeper
from cds_hooks.runtime.gathering import Gathering
from cds_hooks.runtime.hook_answering import HookAnswering
from cds_hooks.runtime.inspecting import inspector_of
from cds_hooks.runtime.ledger import Ledger
from cds_hooks.runtime.observing import Observer
from cds_hooks.runtime.records import site_key
from cds_hooks.runtime.reviewing import reviews_of
from cds_hooks.runtime.self_check import quick_checks, require
from cds_hooks.runtime.self_verification import self_verification
from cds_hooks.runtime.smart_launch import launched_pages, launching
from cds_hooks.runtime.store_watch import StoreWatch
from cds_hooks.runtime.switches import ServiceSwitches
from cds_hooks.runtime.telemetry import Telemetry
from cds_hooks.runtime.trial_drift import TrialDriftWatch
from cds_hooks.runtime.warming import LibrariesCheck
from cds_hooks.settings import Settings
from cds_hooks.statistics import StatisticsReports

__all__ = ["Runtime"]

_READY_POLL_S = 0.05
_PATIENCE_S = 3600.0


class Runtime:
    """The service on `port`. `running` also starts and stops it without a server.

    `template` is what it asks with; a benchmark may give another one. An `engine` that is given was
    started by whoever gives it, with the same settings, and is stopped there.
    """

    def __init__(
        self,
        settings: Settings,
        port: int = 0,
        *,
        template: prompts.Template | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self._log = get_logger()
        attach(self.metrics.registry, self._log)
        self._key = site_key(settings, create=True)
        self._entry = model_entry(settings)
        self._admission = admission(settings, expected_digest(settings))
        self._template = template or prompts.load("differential")
        self._terminology = Terminology(settings.terminology.path)
        load_tables()
        self._base_url = settings.server.public_url.rstrip("/") or f"http://127.0.0.1:{port}"
        self._telemetry = Telemetry(settings, self.metrics)
        self._observer = Observer(
            self.metrics, self._log, lambda size: self.ledger.committed(size), self._telemetry
        )
        self.store = Store(store_config(settings), self._key, observer=self._observer.committed)
        self._stored = StoreWatch(self.store)
        self.switches = ServiceSwitches(self.store, services_of(settings), self.metrics.registry)
        self.ledger = Ledger(settings, self.store, self._key.key_id)
        if self.ledger.fhir is not None:
            self.ledger.fhir.told_in(self.metrics.registry)
        self._verification = self_verification(settings, self.store, self.ledger, self.metrics)
        self._drift = TrialDriftWatch(self.store)
        self.metrics.registry.register(self._drift)
        self._statistics = StatisticsReports(self.store.statistics, settings.statistics)
        self.libraries = LibrariesCheck(self._terminology)
        self._given = engine is not None
        self.engine = engine or make_engine(settings, self._template.settings, self._samples)
        url, compared = self._base_url, self.ledger.compared
        self.callers = Callers(settings, self._key, self.store, base_url=url, compared=compared)
        self._gathering = Gathering(gather_config(settings), self.callers)
        dependencies, consult = self._dependencies(), self._consult_config()
        self._capturing = Capturing(settings, self._terminology, self.version, consult.basis)
        answering = replace(dependencies, require_on=self.switches.require_on)
        self.consultant = Consultant(answering, consult)
        silent = replace(answering, store=self._telemetry.recording(self.store.silent))
        self.hooks = HookAnswering.of(
            settings, self._key, self.consultant, silent, consult, self.switches
        )
        self.switches.changed = self.hooks.stop_switched_off
        self.pages = ConsultationPages(dependencies, consult)
        off = self.switches.is_off
        self._site = site_of(settings, self._base_url, self.engine, self.ready, off)
        self.access = access_of(settings, self._site, self.store, self.callers.note)
        self.feedback = FeedbackKeeper(self.store, self._observer, self.pages)
        note, feed = self.callers.note, self.feedback.of_reader
        self.launched = launched_pages(
            settings, self._site, self.pages, self.store, self._key, refused=note, feed_back=feed
        )
        self.inspector = inspector_of(settings, dependencies, consult, self.hooks.may_be_silent)
        self.desk = desk_of(settings, self.store, self._key, self.pages, self.access)
        self.app = self._telemetry.wrap(self._application())

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls, settings: Settings, *, template: prompts.Template | None = None
    ) -> AsyncIterator[Runtime]:
        """The service without a socket, for commands that ask it directly. Links of its cards open
        at a service that runs with the same settings."""
        runtime = cls(settings, settings.server.port, template=template)
        async with runtime.lifespan():
            yield runtime

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Open what must be open, and close it in the other order. Raises SelfCheckFailed."""
        await asyncio.to_thread(self._check)
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._telemetry.kept())
            await stack.enter_async_context(self._gathering.opened(locked_transport()))
            await self.store.open()
            stack.push_async_callback(self.store.close)
            await stack.enter_async_context(self.switches.kept())
            tables = tables_record(self.settings, self._terminology.versions)
            more, events = (tables, *self._capturing.records), engine_events(self.engine)
            await stack.enter_async_context(self.ledger.kept(self.version, events, more))
            await stack.enter_async_context(self._verification.kept())
            await stack.enter_async_context(self._drift.kept())
            await stack.enter_async_context(self._capturing.running())
            await stack.enter_async_context(self._statistics.kept())
            await stack.enter_async_context(self.callers.opened(locked_transport()))
            await stack.enter_async_context(launching(self.launched))
            await stack.enter_async_context(signing_in(self.access))
            if not self._given:
                await self.engine.start()
                stack.push_async_callback(self.engine.stop)
            stack.push_async_callback(self.hooks.close)
            stack.push_async_callback(self.inspector.close)
            stack.callback(self.desk.stopping.set)
            watching = asyncio.create_task(self._stored.run(), name="store-check")
            # What is loaded by now stays: the collector would walk all of it in the midst of hooks.
            gc.freeze()
            stack.callback(gc.unfreeze)  # a process that starts several has each one freed
            stack.callback(watching.cancel)
            checking = asyncio.create_task(self.libraries.run(), name="libraries")
            stack.callback(checking.cancel)
            yield

    async def until_ready(self, limit_s: float = _PATIENCE_S) -> None:
        """Wait for the model and the check of libraries; each change starts the limit again.

        Raises EngineUnavailable when the model cannot be loaded, SelfCheckFailed.
        """
        clock = asyncio.get_running_loop().time
        since, last = clock(), self.engine.state
        while (state := self.engine.state).status != "ready" or self.libraries.trouble:
            self.libraries.require()
            if state != last:
                since, last = clock(), state
            if state.status == "failed" or clock() - since > limit_s:
                raise not_loaded(self.engine, limit_s)
            await asyncio.sleep(_READY_POLL_S)

    def ready(self) -> Readiness:
        """Whether hooks can be answered with a differential, and what is wrong if not."""
        engine = engine_checks(self.engine)
        checks = {"engine": engine["engine"], "store": self._stored.trouble or "ok"}
        checks["ledger"] = self.ledger.trouble or self._verification.keeps_from_ready or "ok"
        checks["libraries"] = self.libraries.trouble or "ok"
        checks["switches"] = self.switches.trouble or "ok"
        told = {**checks, **engine, **self.switches.checks(), **egress_checks(self.engine)}
        told |= self.hooks.checks() | self._drift.checks()
        told["ledger_verified"] = self._verification.told
        return Readiness(all(check == "ok" for check in checks.values()), told)

    def version(self) -> Mapping[str, str]:
        """What runs here."""
        return version_of(self.settings, self.engine.model, self._template.ref)

    def _basis(self) -> BasisContent:
        return basis_of(
            self.settings,
            self.engine.model,
            self._template,
            services=services_of(self.settings),
            terminology=self._terminology.versions,
            samples=self._samples,
            names_by_construction=names_by_construction(self.settings, self._entry),
            admission=self._admission.told if self._admission else (),
        )

    @property
    def _samples(self) -> int:
        return samples_of(self.settings, self._entry, self._template)

    def _dependencies(self) -> Dependencies:
        return Dependencies(
            gather=self._gathering,
            engine=self.engine,
            template=self._template,
            terminology=self._terminology,
            store=self._telemetry.recording(self.store),
            key=self._key,
            observe=self._observer.consulted,
            failed=self._observer.failed,
        )

    def _consult_config(self) -> ConsultConfig:
        samples, told = self._samples, self._terminology.versions
        names = names_by_construction(self.settings, self._entry)
        return consult_config(
            self.settings,
            base_url=self._base_url,
            samples=samples,
            names_by_construction=names,
            accuracy=self._admission.accuracy if self._admission else "",
            clients=self.callers.terms,
            basis=answer_basis(self.settings, self._template, told, samples=samples, names=names),
        )

    def _application(self) -> ASGIApp:
        site, linked = self._site, LinkedPages(self._site, self.pages)
        handlers = AppHandlers(
            answer=self.hooks.answer,
            record_feedback=self.feedback.of_client,
            ready=self.ready,
            metrics=lambda: self._observer.page(self.engine.state),
            basis=lambda: basis_page(site, self._basis()),
            version=self.version(),
            observe=self._observer.exchanged,
            services=services_of(self.settings),
            hidden=self.switches.hidden,
            known=self.hooks.known_request,
            consultation=linked.page,
            judge=self.feedback.of_link,
            reasons=frozenset(reason.code for reason in override_reasons()),
            identify=self.callers.identify if self.callers.known else None,
            record=self._capturing.record,
            error_page=error_page_of(site),
        )
        parts = (self.access, self.inspector, self._statistics, self.launched, self.desk)
        self.reviewing = reviews_of(self.settings, self.store, self._key)
        self.desk.additions.append(self.reviewing.section)
        console = make_router(site, linked, *parts, self.switches, self.reviewing)
        config, visit = app_config(self.settings), self.access.attach
        return create_app(handlers, config, pages=[console], visit=visit)

    def _check(self) -> None:
        """Load the tables, and refuse to start with wrong ones. Raises SelfCheckFailed."""
        fhir_mapping.warm()
        require(quick_checks(self._terminology))
