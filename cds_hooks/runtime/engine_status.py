"""What an engine says of itself, for `/readyz` and for the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cds_hooks.inference.engine import Engine, EngineEvent, EngineUnavailable
from cds_hooks.inference.local.ladder import Rung

__all__ = ["engine_checks", "engine_events", "not_loaded"]


def engine_checks(engine: Engine) -> dict[str, str]:
    """For `/readyz`: `engine` is ok, or the code with what it means; `engine_rung` is ok where the
    model is loaded as configured, else the rung and what brought it there; `engine_gpu` is there
    where a GPU is asked for or found: its devices, or why there is none; `engine_tuning` is how it
    computes and where that is from (`worker/tuning.py`); `engine_state` is there
    while it is not ready. It tells, and does not decide."""
    state, trouble = engine.state, getattr(engine, "trouble", "")
    wrong = ": ".join(filter(None, [state.detail or state.status, trouble]))
    checks = {"engine": "ok" if state.status == "ready" else wrong}
    if state.status != "ready":
        # Whether it is worth waiting for: one that has failed stays so.
        checks["engine_state"] = state.status
    facts: Mapping[str, str] = getattr(engine, "facts", {})
    if gpu := facts.get("gpu_trouble") or facts.get("devices"):
        checks["engine_gpu"] = gpu
    if how := facts.get("computes_with"):
        checks["engine_tuning"] = f"{how} ({facts.get('tuning', '')})"
    if state.rung:
        before = facts.get("before", "")
        low = ": ".join(filter(None, [state.rung, before]))
        checks["engine_rung"] = "ok" if state.rung == Rung.AS_CONFIGURED else low
    return checks


def engine_events(engine: Engine) -> Callable[[], Sequence[EngineEvent]]:
    """Where the ledger finds what it records of an engine; a server elsewhere has nothing."""
    return lambda: getattr(engine, "events", ())


def not_loaded(engine: Engine, limit_s: float) -> EngineUnavailable:
    """Why a command gives up waiting for a model in which nothing happened for so long."""
    state, why = engine.state, getattr(engine, "trouble", "")
    if state.status == "failed":
        return EngineUnavailable("the model cannot be loaded", where=state.detail, hint=why)
    message = f"the model is not loaded, and nothing happened for {limit_s:.0f} s"
    return EngineUnavailable(message, where=state.detail or state.status, hint=why)
