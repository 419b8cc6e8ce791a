"""Which models of the catalogue suit a machine: memory reckoned, time scaled from a measurement.

Memory is that of the service's start (`memory/plan.py`), under the same settings. A prompt is bound
by arithmetic and an answer by reading the weights, so the time of both goes with the parameters
that a token uses. From a small model that was measured here to a large one this is a rough
estimate, and is told as one: samples of a mixture of experts read more experts than one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cds_hooks.inference.memory.context_size import Sizes
from cds_hooks.inference.memory.model_shape import shape_of_dimensions
from cds_hooks.inference.memory.plan import MemoryPlan, plan, plan_of
from cds_hooks.inference.memory.weights import weights_of_size
from cds_hooks.inference.model_catalogue.catalogue import Catalogue, ModelEntry
from cds_hooks.inference.model_checks.speed_probe import SpeedMeasurement
from cds_hooks.inference.model_files.gguf import Header

__all__ = ["Advice", "ConsultationSize", "MemoryBasis", "advise"]

_KIB = 1 << 10
_OVERHEAD = 1 << 30  # where nothing is known of a model but its size; ours


@dataclass(frozen=True, slots=True)
class ConsultationSize:
    """A consultation: tokens that are evaluated, tokens of an answer, samples decoded at once."""

    prompt: int = 1500
    answer: int = 400
    samples: int = 3
    bits: float = 4.0


@dataclass(frozen=True, slots=True)
class MemoryBasis:
    """What memory is reckoned from: `sizes_of` says with which sizes this service would load a
    model; of the one that was measured, `entry`, there is a file with a `header`, and there may be
    `adapters`, of which this is the size in bytes."""

    entry: ModelEntry
    header: Header
    sizes_of: Callable[[ModelEntry], Sizes]
    adapters: int = 0


@dataclass(frozen=True, slots=True)
class Advice:
    """One model on this machine. Times are seconds, estimated.

    `peak_gb` is the peak of main memory, `needs_gb` the same without pages that the system takes
    back, `gpu_gb` what is on GPUs, as `memory` sums them up. All are without the KV cache where the
    catalogue does not know what a token takes (`cache_known`).

    `thinking_s` is what thinking to the end of its budget adds.
    """

    model: str
    needs_gb: float
    peak_gb: float
    gpu_gb: float
    memory: str
    cache_known: bool
    fits: bool
    prompt_s: float
    answer_s: float
    thinking_s: float

    @property
    def total_s(self) -> float:
        """A consultation with all its thinking."""
        return self.prompt_s + self.answer_s + self.thinking_s


def advise(
    catalogue: Catalogue,
    probe: SpeedMeasurement,
    known: MemoryBasis,
    available: int | None,
    question: ConsultationSize,
) -> tuple[Advice, ...]:
    """One advice a model, as the catalogue has them. `available` is memory in bytes, if known."""
    return tuple(
        _advice(entry, probe, known, available, question)
        for entry in catalogue.entries
        if entry.parameters
    )


def _advice(
    entry: ModelEntry,
    probe: SpeedMeasurement,
    known: MemoryBasis,
    available: int | None,
    question: ConsultationSize,
) -> Advice:
    needs = _plan(entry, known, question.bits)
    heavier = _active(entry) / _active(known.entry)
    step_s = heavier / _per_step(probe, question.samples)
    thought = entry.thinking.budget if entry.thinking else 0
    return Advice(
        model=entry.name,
        needs_gb=needs.needed / 1e9,
        peak_gb=needs.total / 1e9,
        gpu_gb=needs.gpu.total / 1e9,
        memory=needs.explain(),
        cache_known=bool(entry.dimensions or entry.kv_kib),
        fits=available is None or needs.needed <= available,
        prompt_s=question.prompt * heavier / probe.prompt_per_s,
        answer_s=question.answer * step_s,
        thinking_s=thought * step_s,
    )


def _plan(entry: ModelEntry, known: MemoryBasis, bits: float) -> MemoryPlan:
    """From the file where there is one, else from what the catalogue says."""
    sizes = known.sizes_of(entry)
    if entry.name == known.entry.name:
        return plan(known.header, sizes, adapters=known.adapters)
    weights = int(entry.weights_gb(bits) * 1e9)
    if entry.dimensions is not None:
        shape = shape_of_dimensions(entry.dimensions)
        return plan_of(shape, weights_of_size(weights, bits, shape, sizes), sizes)
    cells = sizes.size.cells + sizes.kept_cells
    cache = int(entry.kv_kib * _KIB * cells)
    return MemoryPlan(weights, cache, 0, 0, overhead=_OVERHEAD)


def _active(entry: ModelEntry) -> float:
    """Billions of parameters that one token uses."""
    return entry.active or entry.parameters


def _per_step(probe: SpeedMeasurement, samples: int) -> float:
    """Steps a second with so many samples at once: the nearest number that was measured."""
    nearest = min(probe.step_per_s, key=lambda count: (abs(count - samples), count))
    return probe.step_per_s[nearest]
