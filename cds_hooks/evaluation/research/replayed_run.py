"""Recorded answers through the same runner, metrics and report as answers of an engine here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from cds_hooks.admission.manifest import Manifest
from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.labels import label_key
from cds_hooks.evaluation.research.alignment import find_shifts, put_right
from cds_hooks.evaluation.research.catalogue import RecordedModel, catalogue
from cds_hooks.evaluation.research.recording import Recording, read_recording, votes_of
from cds_hooks.evaluation.runs.closed import picked
from cds_hooks.evaluation.runs.results import CaseResult
from cds_hooks.evaluation.runs.runner import AnswerCase
from cds_hooks.evaluation.suites.suite import EvaluationCase, Suite

__all__ = ["Voice", "recorded_voice"]


@dataclass(frozen=True, slots=True)
class Voice:
    """A model, or a panel, whose runs were recorded; each run is a sample.

    `realigned`: answers that stand in the row of another case were corrected.
    """

    id: str
    models: tuple[RecordedModel, ...]
    recording: Recording
    realigned: bool

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column for model in self.models for column in model.columns)

    def recorded_part(self, suite: Suite) -> Suite:
        """The suite without cases whose answers are lost: nobody knows whether they were right."""
        there = (c.id for c in self.recording.cases if any(votes_of(c, m) for m in self.models))
        return suite.only(there)

    def answering(self) -> AnswerCase:
        """Answers a case with what was recorded for it, by case id."""
        by_id = {case.id: case for case in self.recording.cases}

        async def answer(case: EvaluationCase) -> CaseResult:
            shown = {label_key(option): option for option in case.options}
            votes = [v for m in self.models for v in votes_of(by_id[case.id], m)]
            written = [shown.get(vote, vote) for vote in votes if vote]
            return picked(case, written, failed=len(self.columns) - len(written))

        return answer

    def manifest(self, suite: Suite, started: datetime) -> Manifest:
        """What a run of these answers is of: the digest is of the names of the columns."""
        columns = hashlib.sha256("\n".join(self.columns).encode()).hexdigest()
        how = "corrected" if self.realigned else "as published"
        return Manifest(
            suite=suite.part,
            model={"name": self.id, "sha256": columns, "engine": "recorded"},
            template={"id": f"recorded answers, {how}", "sha256": suite.sha256},
            settings={},
            terminology={},
            seed=0,
            samples=len(self.columns),
            started=started.isoformat(timespec="seconds"),
            chartside=version("chartside"),
        )


def recorded_voice(path: Path, who: str, *, realigned: bool) -> Voice:
    """The recorded answers of a model or panel of the catalogue. Raises SuiteError."""
    known = catalogue()
    voices = {m.id: (m,) for m in known.model} | {p.id: known.models_of(p) for p in known.panel}
    if who not in voices:
        hint = f"Recorded are (--recorded): {', '.join(voices)}."
        raise SuiteError("no answers were recorded of it", where=who or "--recorded", hint=hint)
    recording = _read(path, known.model, realigned=realigned)
    return Voice(who, voices[who], recording, realigned)


def _read(path: Path, models: Sequence[RecordedModel], *, realigned: bool) -> Recording:
    recording = read_recording(path, [c for m in models for c in m.columns])
    if not realigned:
        return recording
    return recording.realigned(put_right(recording, models, find_shifts(recording, models)))
