"""From settings to what a replay exchanges: today's template, rules, sampling, and the engine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import prompts
from cds_hooks.consult.rule_tables import rule_tables
from cds_hooks.inference.engine import Engine, EngineUnavailable
from cds_hooks.plausibility import Terminology, load_calibration
from cds_hooks.replay import CardTerms, Today
from cds_hooks.runtime.admission import admission
from cds_hooks.runtime.answer_basis import answer_basis
from cds_hooks.runtime.engines import (
    expected_digest,
    make_engine,
    model_entry,
    names_by_construction,
    samples_of,
)
from cds_hooks.runtime.verifying import verifier_of
from cds_hooks.settings import Settings, settings_digest

__all__ = ["running_engine", "today_of"]

_POLL_S = 0.05
_PATIENCE_S = 3600.0


def today_of(
    settings: Settings,
    terminology: Terminology,
    *,
    service: str = "",
    engine: Engine | None = None,
    template: prompts.Template | None = None,
) -> Today:
    """What would answer under these settings. Raises SettingsError, AdmissionRefused."""
    template, entry = template or prompts.load("differential"), model_entry(settings)
    basis = answer_basis(
        settings,
        template,
        terminology.versions,
        samples=samples_of(settings, entry, template),
        names=names_by_construction(settings, entry),
    )
    if basis.sampling is None:
        raise ValueError("today's sampling is known")
    digest = expected_digest(settings)
    admitted = admission(settings, digest)
    terms = CardTerms.of(settings.services, settings.cards, service)
    return Today(
        template=template,
        terminology=terminology,
        basis=basis,
        sampling=basis.sampling,
        tables=rule_tables(),
        calibration=load_calibration(settings.panel.calibration),
        verifier=verifier_of(settings),
        cards=terms.with_accuracy(admitted.accuracy if admitted else ""),
        model_sha256=digest,
        settings_sha256=settings_digest(settings),
        engine=engine,
        deadline_s=max(settings.services.deadline_s, _PATIENCE_S),
    )


@contextlib.asynccontextmanager
async def running_engine(settings: Settings, samples: int = 0) -> AsyncIterator[Engine]:
    """The settings' engine with its model loaded, for that many samples at least.

    Raises SettingsError, and EngineUnavailable when the model cannot be loaded.
    """
    template = prompts.load("differential")
    wanted = max(samples, samples_of(settings, model_entry(settings), template))
    engine = make_engine(settings, template.settings, wanted)
    await engine.start()
    try:
        await _until_ready(engine)
        yield engine
    finally:
        await engine.stop()


async def _until_ready(engine: Engine) -> None:
    """Wait as long as something happens."""
    clock = asyncio.get_running_loop().time
    since, last = clock(), engine.state
    while (state := engine.state).status != "ready":
        if state != last:
            since, last = clock(), state
        if state.status == "failed" or clock() - since > _PATIENCE_S:
            why = getattr(engine, "trouble", "")
            raise EngineUnavailable("the model cannot be loaded", where=state.detail, hint=why)
        await asyncio.sleep(_POLL_S)
