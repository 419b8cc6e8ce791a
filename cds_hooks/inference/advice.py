"""Which models of the catalogue suit a machine: memory reckoned, time scaled from a measurement.

A prompt is bound by arithmetic and an answer by reading the weights, so the time of both goes with
the parameters that a token uses. From a small model that was measured here to a large one this is
a rough estimate, and is told as one: samples of a mixture of experts read more experts than one.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.inference.catalogue import Catalogue, ModelEntry
from cds_hooks.inference.probe import Probe

__all__ = ["Advice", "Question", "advise"]

_KIB = 1 << 10
_OVERHEAD_GB = 1.0


@dataclass(frozen=True, slots=True)
class Question:
    """A consultation: tokens that are evaluated, tokens of an answer, samples decoded at once."""

    prompt: int = 1500
    answer: int = 400
    samples: int = 3
    bits: float = 4.0


@dataclass(frozen=True, slots=True)
class Advice:
    """One model on this machine. Times are seconds, estimated; `needs_gb` is without the KV cache
    where the catalogue does not know what a token takes (`cache_known`).

    `thinking_s` is what thinking to the end of its budget adds.
    """

    model: str
    needs_gb: float
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
    probe: Probe,
    measured: ModelEntry,
    available: int | None,
    question: Question,
) -> tuple[Advice, ...]:
    """One advice a model, as the catalogue has them. `available` is memory in bytes, if known."""
    return tuple(
        _advice(entry, probe, measured, available, question)
        for entry in catalogue.entries
        if entry.parameters
    )


def _advice(
    entry: ModelEntry,
    probe: Probe,
    measured: ModelEntry,
    available: int | None,
    question: Question,
) -> Advice:
    needs = _needs_gb(entry, question)
    heavier = _active(entry) / _active(measured)
    step_s = heavier / _per_step(probe, question.samples)
    thought = entry.thinking.budget if entry.thinking else 0
    return Advice(
        model=entry.name,
        needs_gb=needs,
        cache_known=bool(entry.kv_kib),
        fits=available is None or needs * 1e9 <= available,
        prompt_s=question.prompt * heavier / probe.prompt_per_s,
        answer_s=question.answer * step_s,
        thinking_s=thought * step_s,
    )


def _needs_gb(entry: ModelEntry, question: Question) -> float:
    thought = entry.thinking.budget if entry.thinking else 0
    cells = question.prompt + question.samples * (thought + question.answer)
    cache = entry.kv_kib * _KIB * cells / 1e9
    return entry.weights_gb(question.bits) + cache + _OVERHEAD_GB


def _active(entry: ModelEntry) -> float:
    """Billions of parameters that one token uses."""
    return entry.active or entry.parameters


def _per_step(probe: Probe, samples: int) -> float:
    """Steps a second with so many samples at once: the nearest number that was measured."""
    nearest = min(probe.step_per_s, key=lambda count: (abs(count - samples), count))
    return probe.step_per_s[nearest]
