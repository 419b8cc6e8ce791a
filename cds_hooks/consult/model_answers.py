"""What a model's samples said, and what an engine's error means for a consultation."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cds_hooks.consultation import Differential, Outcome
from cds_hooks.inference.answer_parser import InvalidOutput, parse_differential
from cds_hooks.inference.engine import (
    EngineError,
    Generation,
    NameProbability,
    UnusableAnswer,
)
from cds_hooks.inference.panel import PanelGeneration

__all__ = [
    "fault_of",
    "names_of",
    "outcome_of_error",
    "parse_samples",
    "remarks_on",
    "with_probabilities",
]

_CODE = re.compile(r"[a-z]+(-[a-z]+)+")


def parse_samples(
    generations: Sequence[Generation], fact_ids: Sequence[str]
) -> tuple[Differential, ...]:
    """The differentials in the samples of each model; a sample that is none of this chart is left
    out."""
    return tuple(said for each in generations for said in _parse(each, fact_ids))


def remarks_on(generation: Generation) -> str:
    """The models of a panel that said nothing, with the code that says why; thoughts cut short."""
    failures = generation.failures if isinstance(generation, PanelGeneration) else ()
    told = [f"no answer from {failure.model.name} ({failure.code})" for failure in failures]
    if cut := sum(sample.thinking_cut for sample in generation.samples):
        told.append(f"thoughts cut short: {cut}")
    return "; ".join(told)


def fault_of(error: EngineError) -> str:
    """The most telling code of an error: a server's fault, or why the engine is not up."""
    of_server = getattr(error, "fault", None)
    if of_server is not None:
        return str(of_server)
    return error.where if _CODE.fullmatch(error.where) else error.code


def outcome_of_error(error: EngineError) -> Outcome:
    """How a consultation ends whose engine raised this."""
    if isinstance(error, UnusableAnswer):
        return Outcome.INVALID_OUTPUT
    return Outcome(error.code) if error.code in set(Outcome) else Outcome.ENGINE_FAILED


def _parse(generation: Generation, fact_ids: Sequence[str]) -> Iterator[Differential]:
    model = generation.model.name
    for index, sample in enumerate(generation.samples):
        with contextlib.suppress(InvalidOutput):
            said = parse_differential(sample.text, fact_ids, model=model, sample=index)
            yield with_probabilities(said, sample.names)


def with_probabilities(said: Differential, names: Sequence[NameProbability]) -> Differential:
    """The same with the log-probability of each name that was written along the terminology."""
    known = {name.name: name for name in names}
    candidates = tuple(
        each
        if (told := known.get(each.diagnosis)) is None
        else replace(each, log_probability=told.log_probability, name_tokens=told.tokens)
        for each in said.candidates
    )
    return replace(said, candidates=candidates)


def names_of(said: Differential) -> tuple[NameProbability, ...]:
    """The log-probabilities that a differential holds."""
    return tuple(
        NameProbability(each.diagnosis, each.log_probability, each.name_tokens)
        for each in said.candidates
        if each.log_probability is not None
    )
