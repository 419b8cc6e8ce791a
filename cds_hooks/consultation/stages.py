"""One consultation, stage by stage: prepared, inferred, checked. The store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self, TypeAlias

from cds_hooks.consultation.assessment import Assessment, ChartFinding, Ranking, Reason, TruthSet
from cds_hooks.consultation.basis import Basis
from cds_hooks.consultation.differential import Differential
from cds_hooks.consultation.origin import Caller, KeyArrival, KeyState, ModelIdentity
from fhir_mapping.chart import Chart
from prompts.prompt import Prompt

__all__ = [
    "CheckedConsultation",
    "Consultation",
    "InferredConsultation",
    "Outcome",
    "PreparedConsultation",
]


class Outcome(StrEnum):
    """How a consultation ended: `ANSWERED` with nothing found and not answered differ.

    `REUSED`: the model was not asked, as nothing that matters changed since the last answer.
    `CHECKED`: no model was to be asked; `assessments` are of problems just entered, and `chart` is
    the chart without them.
    """

    PENDING = "pending"
    REUSED = "last-answer-stands"
    ANSWERED = "answered"
    EMPTY = "empty-differential"
    DEADLINE = "deadline"
    OVERLOADED = "overloaded"
    ENGINE_FAILED = "engine-failed"
    ENGINE_UNAVAILABLE = "engine-unavailable"
    INVALID_OUTPUT = "invalid-output"
    PROMPT_TOO_LONG = "prompt-too-long"
    CANCELLED = "cancelled"
    CHECKED = "entry-checked"


@dataclass(frozen=True, slots=True)
class PreparedConsultation:
    """One question to the service, with its chart and prompt, before any model answered.

    `id` is a random UUID; `key` is the content address (facts + template + model + sampling);
    `patient_key` is a keyed pseudonym; `created` is UTC seconds; `timings_ms` by stage. Found by
    rules: `chart_findings`, the most serious first, `contradictions` of the chart with itself, and
    `medication_concerns`. `caller` asked first; whom an answer is shown to again, the request
    tells. `reuses_last`: the patient's last answer is shown, as nothing that matters changed since.
    `basis` is what else the answer rests on. A `silent` one is part of a trial: nobody is shown
    anything of it.
    """

    id: str
    key: str
    service: str
    created: float
    patient_key: str
    chart: Chart
    prompt: Prompt | None = None
    model: ModelIdentity | None = None
    key_states: Mapping[str, KeyState] = field(default_factory=dict)
    key_arrivals: Mapping[str, KeyArrival] = field(default_factory=dict)
    chart_findings: tuple[ChartFinding, ...] = ()
    contradictions: tuple[Reason, ...] = ()
    medication_concerns: tuple[Reason, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    settings_sha256: str = ""
    caller: Caller | None = None
    reuses_last: bool = False
    basis: Basis = field(default_factory=Basis)
    silent: bool = False

    @property
    def outcome(self) -> Outcome:
        """That there is none yet."""
        return Outcome.REUSED if self.reuses_last else Outcome.PENDING

    def with_timings(self, timings_ms: Mapping[str, float]) -> Self:
        """The same with the time of later stages."""
        return replace(self, timings_ms={**self.timings_ms, **timings_ms})


@dataclass(frozen=True, slots=True)
class InferredConsultation(PreparedConsultation):
    """A prepared consultation with what the model wrote; of a model that failed, nothing.

    `sample_models` names the model of each of `samples`; `samples_failed` of them are no
    differential of this chart.
    """

    samples: tuple[str, ...] = ()
    sample_models: tuple[str, ...] = ()
    samples_failed: int = 0
    differentials: tuple[Differential, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    outcome_detail: str = ""

    @classmethod
    def of(cls, before: PreparedConsultation, **more: Any) -> Self:
        """This stage of a consultation: all of the stage before, and `more`, its own fields."""
        return cls(**{each.name: getattr(before, each.name) for each in fields(before)}, **more)


@dataclass(frozen=True, slots=True)
class CheckedConsultation(InferredConsultation):
    """An inferred consultation with its outcome and all that the rules say of the model's list.

    `red_flags` are diagnoses that a pattern in the chart calls for and no sample named,
    `unexplained` abnormal results that are cited for none of the list. `fault` is the stable code
    of what kept the model from answering, the most telling one there is; `outcome_detail` the same
    in words, or a remark on an answer.
    """

    outcome: Outcome = field(kw_only=True)
    assessments: tuple[Assessment, ...] = ()
    red_flags: tuple[Reason, ...] = ()
    unexplained: tuple[Reason, ...] = ()
    truth_set: TruthSet | None = None
    ranking: Ranking | None = None
    fault: str = ""


Consultation: TypeAlias = PreparedConsultation | CheckedConsultation
"""What the store keeps and cards are made of: a question without an answer yet, or with one."""
