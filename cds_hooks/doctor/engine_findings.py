"""Models: whether each decodes here or answers on its server, and whether its memory fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import prompts
from cds_hooks.doctor.context import Context
from cds_hooks.doctor.findings import Finding, Level, find
from cds_hooks.errors import ChartsideError
from cds_hooks.inference.hardware.machine import available_memory
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.memory.plan import (
    MemoryPlan,
    plan,
    refuse_unless_heads_fit,
    refuse_unless_it_fits,
)
from cds_hooks.inference.model_files.adapters import size_of
from cds_hooks.inference.model_files.split_files import read_model
from cds_hooks.inference.prove import Proof, prove, unlogged
from cds_hooks.inference.remote.server_trial import ServerTrial, try_server
from cds_hooks.runtime.engines import local_configs, model_entry, samples_of, server_engines
from cds_hooks.settings import Settings

__all__ = [
    "engine_findings",
    "memory_finding",
    "memory_findings",
    "model_findings",
    "together_finding",
    "tried",
]

_DECODES = "model-decodes"
_MIB = 1 << 20


async def engine_findings(context: Context) -> list[Finding]:
    """Load each model once and let it decode; ask each server one question."""
    try:
        with unlogged():
            return model_findings(*await tried(context.settings))
    except ChartsideError as error:
        return [find(_DECODES, Level.FAIL, error.where, error.hint, line=error.message)]


async def tried(settings: Settings) -> tuple[dict[str, Proof], dict[str, ServerTrial]]:
    """One after the other: together they might not fit the memory. Raises SettingsError."""
    proofs, trials = {}, {}
    for each in _configs(settings):
        proofs[each.entry.name] = await prove(each)
    for where, server in server_engines(settings):
        trials[f"{where}, {server.where}"] = await try_server(server)
    return proofs, trials


def model_findings(proofs: Mapping[str, Proof], trials: Mapping[str, ServerTrial]) -> list[Finding]:
    """A GPU that is not used, and a remark on a server that answers, are warnings."""
    found = []
    for name, proof in proofs.items():
        good = Level.WARN if proof.facts.get("gpu_trouble") else Level.PASS
        level = good if proof.decodes else Level.FAIL
        found.append(find(_DECODES, level, name, line=proof.line))
    for name, trial in trials.items():
        good = Level.WARN if trial.code else Level.PASS
        level = good if trial.answers else Level.FAIL
        line = trial.line if trial.answers else f"{trial.code}: {trial.line}"
        found.append(find(_DECODES, level, name, line=line))
    return found


async def memory_findings(context: Context) -> list[Finding]:
    """The arithmetic of `models check` and of the start, for each model that is loaded here."""
    available, settings = available_memory(), context.settings
    try:
        plans = [(each.entry.name, _plan(each)) for each in _configs(settings)]
    except ChartsideError as error:
        return [find("memory", Level.FAIL, error.where, error.hint, problem=error.message)]
    if not plans:
        problem = "every model is on a server"
        return [find("memory", Level.UNCHECKED, "model_server.bases", problem=problem)]
    found = [memory_finding(name, each, available) for name, each in plans]
    several = [together_finding([each.needed for _, each in plans], available)]
    return [*found, *(several if len(plans) > 1 else ())]


def _configs(settings: Settings) -> list[LlamaConfig]:
    template = prompts.load("differential")
    samples = samples_of(settings, model_entry(settings), template)
    return list(local_configs(settings, template.settings, samples))


def _plan(config: LlamaConfig) -> MemoryPlan:
    header, sizes = read_model(config.model), config.sizes
    refuse_unless_heads_fit(header, sizes.size.kv_type, config.model.name)
    return plan(header, sizes, adapters=size_of(config.adapters))


def together_finding(needed: Sequence[int], available: int | None) -> Finding:
    """The models of a panel are loaded at one time; all in bytes."""
    told: dict[str, Any] = {"count": len(needed), "total": sum(needed) // _MIB}
    if available is None:
        return find("memory-together", Level.UNCHECKED, "panel.files", **told)
    level = Level.PASS if sum(needed) <= available else Level.FAIL
    told["available"] = available // _MIB
    return find("memory-together", level, "panel.files", **told)


def memory_finding(name: str, needed: MemoryPlan, available: int | None) -> Finding:
    """`available` is in bytes; None where the system does not tell."""
    if available is None:
        problem = f"{needed.explain()}; this system does not tell what is available"
        return find("memory", Level.UNCHECKED, name, problem=problem)
    try:
        refuse_unless_it_fits(needed, available, name)
    except ChartsideError as error:
        return find("memory", Level.FAIL, name, error.hint, problem=error.message)
    told: dict[str, Any] = {"arithmetic": needed.explain(), "available": available // _MIB}
    return find("memory", Level.PASS, name, **told)
